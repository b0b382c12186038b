"""The onset detector finds clicks where they were put."""

from __future__ import annotations

import numpy as np
import pytest

from vtacli.signal.media import Audio
from vtacli.signal.onsets import find_onsets, steadiness


def blows(times_s, strengths, rate_hz=16_000, length_s=5.0):
    rng = np.random.default_rng(1)
    wave = rng.normal(0, 1e-4, round(length_s * rate_hz))
    tail = np.exp(-np.arange(rate_hz // 4) / (0.03 * rate_hz))
    for time_s, strength in zip(times_s, strengths, strict=True):
        at = round(time_s * rate_hz)
        piece = (rng.standard_normal(len(tail)) * tail * strength)[: len(wave) - at]
        wave[at : at + len(piece)] += piece
    return Audio(wave[None].astype(np.float32), rate_hz)


@pytest.mark.parametrize("rate_hz", [16_000, 48_000])
def test_finds_each_blow_within_20_ms(rate_hz):
    times = [0.5, 0.9, 1.7, 3.0, 4.2]
    found = [t for t, _ in find_onsets(blows(times, [0.5] * 5, rate_hz))]
    assert len(found) == len(times)
    assert np.abs(np.array(found) - times).max() <= 0.02


def test_a_sound_that_starts_at_once_has_an_onset_at_zero():
    assert find_onsets(blows([0.0], [0.5]))[0][0] <= 0.02


def test_stronger_blows_have_more_strength():
    strengths = [s for _, s in find_onsets(blows([1.0, 2.0, 3.0], [0.5, 0.1, 0.25]))]
    assert strengths[0] == 1.0
    assert strengths[0] > strengths[2] > strengths[1]


@pytest.mark.parametrize("wave", [np.zeros(16_000), np.zeros(10)])
def test_silence_has_none(wave):
    assert find_onsets(Audio(wave[None].astype(np.float32), 16_000)) == []


def test_steadiness_tells_a_texture_from_a_blow():
    noise = np.random.default_rng(0).normal(0, 0.1, 32_000).astype(np.float32)
    assert steadiness(noise, 16_000) > 0.6
    assert steadiness(blows([0.0], [0.5], length_s=0.4).data[0], 16_000) < 0.05
