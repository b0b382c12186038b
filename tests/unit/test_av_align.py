"""AV-Align in its three versions, held against the authors' own code."""

import json
import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtacli.signal.av_align import FIRST, PAPER, REVISED, VERSIONS, av_align
from vtacli.signal.av_peaks import (
    mean_flow_px,
    own_audio_peaks,
    own_video_peaks,
    published_audio_peaks,
    published_video_peaks,
)
from vtacli.signal.media import Audio, Curve

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "av_align.json").read_text())

moments = st.lists(st.integers(0, 400), min_size=1, max_size=12, unique=True).map(
    lambda ticks: [t / 100 for t in sorted(ticks)]
)


@given(moments, st.sampled_from(VERSIONS))
def test_the_same_peaks_are_one(peaks, version):
    assert av_align(peaks, peaks, 0.005, version) == 1.0


@given(moments, moments)
def test_the_paper_s_form_knows_no_sides_and_stays_in_its_bounds(one, other):
    score = av_align(one, other, 0.08)
    assert score == av_align(other, one, 0.08)
    assert 0 <= score <= 1
    assert av_align(one[::-1], other, 0.08) == score
    # no two moments are this far apart: where they are, rounding may tell the versions apart
    window_s = 0.085
    assert 0 <= av_align(one, other, window_s, REVISED) <= av_align(one, other, window_s) + 1e-12


def test_what_the_versions_disagree_about():
    sound, picture = [0.9, 1.0, 1.1], [1.0]
    assert av_align(sound, picture, 0.125, FIRST) == 3.0
    assert av_align(sound, picture, 0.125, REVISED) == pytest.approx(1 / 3)
    assert av_align(sound, picture, 0.125, PAPER) == 1.0


@pytest.mark.parametrize("version", VERSIONS)
def test_nothing_to_compare(version):
    assert math.isnan(av_align([], [], 0.04, version))
    assert av_align([1.0], [], 0.04, version) == 0
    assert av_align([], [1.0], 0.04, version) == 0
    assert av_align([1.0], [1.04], 0.04, version) == 0  # less than a window apart, not as far


def test_what_is_refused():
    with pytest.raises(ValueError, match="versions"):
        av_align([1.0], [1.0], 0.04, "2019")
    with pytest.raises(ValueError, match="positive"):
        av_align([1.0], [1.0], 0.0)
    with pytest.raises(ValueError, match="versions"):
        published_video_peaks(np.zeros(4), 25.0, "2019")


@pytest.mark.parametrize("version", [FIRST, REVISED])
def test_scores_are_the_authors_code_s(version):
    for case in GOLDEN["cases"]:
        score = av_align(case["audio"], case["video"], 1 / case["fps"], version)
        assert score == pytest.approx(case[version], abs=1e-12)


def test_the_flow_and_its_peaks_are_the_authors_code_s():
    y, x = np.mgrid[0:96, 0:128].astype(np.float64)
    shifts = [
        6 * np.sin(i / 2.3) + (10 if 9 <= i < 12 else 0) if i < 20 else 0.04 * (i % 3)
        for i in range(32)
    ]
    pictures = [
        np.uint8(
            np.round(
                127 + 60 * np.sin((x - s) / 5.3 + y / 17) + 50 * np.sin((x - s) / 11.7 - y / 9.1)
            )
        )
        for s in shifts
    ]
    flow = [mean_flow_px(a, b) for a, b in pairwise(pictures)]
    flow = np.array([flow[0], *flow])
    np.testing.assert_allclose(flow, GOLDEN["flow"], atol=2e-3)
    for version, key in ((FIRST, "video_peaks_2023"), (REVISED, "video_peaks_2025")):
        peaks = published_video_peaks(GOLDEN["flow"], 12.0, version)
        np.testing.assert_allclose(peaks, GOLDEN[key], atol=1e-12)
    assert len(GOLDEN["video_peaks_2023"]) > len(GOLDEN["video_peaks_2025"])


def noisy_blows(seed: int, rate: int) -> Audio:
    """The golden's sounds: blows of noise and tone over a faint hiss, 4 s."""
    r = np.random.default_rng(seed)
    n = int(rate * 4)
    y = r.normal(0, 0.003, n)
    for t in np.sort(r.uniform(0, 3.8, r.integers(3, 12))):
        k = int(t * rate)
        m = min(n - k, int(0.25 * rate))
        x = np.arange(m) / rate
        loud, decay = r.uniform(0.1, 0.8), r.uniform(15, 50)
        tone = np.sin(2 * np.pi * r.uniform(120, 3000) * x)
        y[k : k + m] += loud * np.exp(-x * decay) * (tone + 0.4 * r.normal(0, 1, m))
    return Audio(np.clip(y, -1, 1).astype(np.float32)[None], rate)


@pytest.mark.parametrize("sound", GOLDEN["sounds"], ids=lambda s: str(s["rate_hz"]))
def test_onsets_are_librosa_s(sound):
    peaks = published_audio_peaks(noisy_blows(sound["seed"], sound["rate_hz"]))
    np.testing.assert_allclose(peaks, sound["peaks"], atol=1e-9)


def test_silence_and_nothing_have_no_peaks():
    assert not len(published_audio_peaks(Audio(np.zeros((1, 22_050), np.float32), 22_050)))
    assert not len(published_audio_peaks(Audio(np.zeros((1, 0), np.float32), 22_050)))


def test_the_program_s_own_peaks():
    wave = np.zeros((2, 32_000), np.float32)
    wave[:, 16_000:16_400] = 0.5 * np.sin(np.arange(400) * 0.6)
    assert own_audio_peaks(Audio(wave, 16_000)) == pytest.approx([1.0], abs=0.02)
    onset = np.zeros(50, np.float32)
    onset[10], onset[30] = 0.9, 0.3
    curve = Curve(np.arange(50) / 25, np.stack([onset, onset], axis=1))
    assert own_video_peaks(curve).tolist() == [0.4]
