"""Programme loudness: the EBU's minimum requirements, laws, and two other meters."""

from __future__ import annotations

import re
import subprocess
from dataclasses import asdict

import ebu_signals as ebu
import imageio_ffmpeg
import numpy as np
import pyloudnorm
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from vtacli.signal.layouts import LAYOUTS, SURROUND, loudness_weights, speakers
from vtacli.signal.programme import Loudness, LoudnessMeter, k_weighting

RATE = 48_000
RATES = [32_000, 44_100, 48_000, 96_000]


def measured(data: np.ndarray, rate: int = RATE, layout: str = "", block: int = 65_536) -> Loudness:
    meter = LoudnessMeter(rate, len(data), layout)
    for start in range(0, data.shape[1], block):
        meter.add(data[:, start : start + block])
    return meter.result()


def noise(seed: int, seconds: float, level: float = 0.1, channels: int = 2) -> np.ndarray:
    size = (channels, round(seconds * RATE))
    return (level * np.random.default_rng(seed).standard_normal(size)).astype(np.float32)


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("case", ebu.INTEGRATED)
def test_tech_3341_integrated(case: int, rate: int) -> None:
    parts, expected = ebu.INTEGRATED[case]
    found = measured(ebu.tones(parts, rate), rate)
    assert found.integrated_lufs == pytest.approx(expected, abs=0.1)
    if case in (1, 2):
        assert found.max_momentary_lufs == pytest.approx(expected, abs=0.1)
        assert found.max_short_term_lufs == pytest.approx(expected, abs=0.1)


@pytest.mark.parametrize("layout", ["5.0", "5.0(side)", "5.1", "5.1(side)"])
def test_tech_3341_6_surround(layout: str) -> None:
    levels = list(ebu.SURROUND_LEVELS)
    if layout.startswith("5.1"):
        levels.insert(3, 0.0)  # low-frequency effects at full scale: not counted
    found = measured(ebu.tones([(0.0, 20)], gains_db=levels), layout=layout)
    assert found.integrated_lufs == pytest.approx(-23.0, abs=0.1)


def test_tech_3341_9_short_term_is_constant() -> None:
    data = ebu.tones([(-20.0, 1.34), (-30.0, 1.66)] * 5)
    meter = LoudnessMeter(RATE, 2)
    meter.add(data)
    ends, lufs = meter.short_term()
    assert ends[0] == 3.0
    assert np.abs(lufs + 23.0).max() <= 0.1
    assert meter.result().max_short_term_lufs == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("i", range(20))
def test_tech_3341_10_short_term_wherever_it_begins(i: int) -> None:
    found = measured(ebu.tones([(ebu.SILENCE, 0.15 * i), (-23.0, 3), (ebu.SILENCE, 1)]))
    assert found.max_short_term_lufs == pytest.approx(-23.0, abs=0.1)


def test_tech_3341_11_short_term_in_succession() -> None:
    meter = LoudnessMeter(RATE, 2)
    for i in range(20):
        level = -38.0 + i
        meter.add(ebu.tones([(ebu.SILENCE, 0.15 * i), (level, 3), (ebu.SILENCE, 3 - 0.15 * i)]))
        assert meter.max_short_term_lufs == pytest.approx(level, abs=0.1)


def test_tech_3341_12_momentary_is_constant() -> None:
    """The integrated loudness of 400 ms is their momentary loudness: one block, gated or not."""
    data = ebu.tones([(-20.0, 0.18), (-30.0, 0.22)] * 25)
    assert measured(data).max_momentary_lufs == pytest.approx(-23.0, abs=0.1)
    window = round(0.4 * RATE)
    for start in range(RATE, data.shape[1] - window, 2_477):
        found = measured(data[:, start : start + window]).integrated_lufs
        assert found == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("i", range(20))
def test_tech_3341_13_momentary_wherever_it_begins(i: int) -> None:
    found = measured(ebu.tones([(ebu.SILENCE, 0.02 * i), (-23.0, 0.4), (ebu.SILENCE, 1)]))
    assert found.max_momentary_lufs == pytest.approx(-23.0, abs=0.1)


def test_tech_3341_14_momentary_in_succession() -> None:
    meter = LoudnessMeter(RATE, 2)
    for i in range(20):
        level = -38.0 + i
        meter.add(ebu.tones([(ebu.SILENCE, 0.02 * i), (level, 0.4), (ebu.SILENCE, 0.4 - 0.02 * i)]))
        assert meter.max_momentary_lufs == pytest.approx(level, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("case", ebu.PEAK_TONES)
def test_tech_3341_15_to_19_true_peak(case: int, rate: int) -> None:
    expected = ebu.PEAK_TONES[case][-1]
    found = measured(ebu.peak_tone(case, rate), rate).true_peak_dbtp
    assert expected - 0.4 <= found <= expected + 0.2


@pytest.mark.parametrize("offset", range(4))
def test_tech_3341_20_to_23_true_peak(offset: int) -> None:
    assert -0.4 <= measured(ebu.peak_period(offset)).true_peak_dbtp <= 0.2


@pytest.mark.parametrize("rate", [44_100, 48_000])
@pytest.mark.parametrize("case", ebu.RANGES)
def test_tech_3342_range(case: int, rate: int) -> None:
    parts, expected = ebu.RANGES[case]
    assert measured(ebu.tones(parts, rate), rate).range_lu == pytest.approx(expected, abs=1.0)


def test_the_weighting_at_48_khz_is_the_table_of_bs_1770() -> None:
    shelf, high_pass = k_weighting(48_000)
    np.testing.assert_allclose(
        shelf,
        [1.53512485958697, -2.69169618940638, 1.19839281085285,
         1.0, -1.69065929318241, 0.73248077421585],
        atol=1e-12,
    )  # fmt: skip
    np.testing.assert_allclose(
        high_pass, [1.0, -2.0, 1.0, 1.0, -1.99004745483398, 0.99007225036621], atol=1e-12
    )


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 88_200, 96_000, 192_000])
def test_a_tone_is_as_loud_at_any_rate(rate: int) -> None:
    found = measured(ebu.tones([(-23.0, 5)], rate), rate)
    for lufs in (found.integrated_lufs, found.max_momentary_lufs, found.max_short_term_lufs):
        assert lufs == pytest.approx(-23.0, abs=0.1)


@settings(max_examples=20)
@given(sizes=st.lists(st.integers(0, 20_000), min_size=1, max_size=12), seed=st.integers(0, 9))
def test_blocks_do_not_change_the_measure(sizes: list[int], seed: int) -> None:
    data = noise(seed, 4.3)
    data[:, RATE : 2 * RATE] *= 0.1
    meter, at = LoudnessMeter(RATE, 2), 0
    for size in [*sizes, data.shape[1]]:
        meter.add(data[:, at : at + size])
        at += size
    whole = measured(data, block=10**9)
    for name, value in asdict(meter.result()).items():
        assert value == pytest.approx(getattr(whole, name), abs=1e-4), name


@settings(max_examples=20)
@given(gain_db=st.floats(-30, 6), seed=st.integers(0, 9))
def test_a_gain_is_as_many_units_of_loudness(gain_db: float, seed: int) -> None:
    data = noise(seed, 4, 0.2)
    before = measured(data)
    after = measured(np.float32(10 ** (gain_db / 20)) * data)
    assert after.integrated_lufs - before.integrated_lufs == pytest.approx(gain_db, abs=0.01)
    assert after.max_short_term_lufs - before.max_short_term_lufs == pytest.approx(
        gain_db, abs=0.01
    )
    assert after.true_peak_dbtp - before.true_peak_dbtp == pytest.approx(gain_db, abs=0.01)
    assert after.range_lu == pytest.approx(before.range_lu, abs=0.01)


def test_silence_has_no_loudness_and_no_error() -> None:
    for length in (0, 1, 100, RATE, 5 * RATE):
        found = measured(np.zeros((2, length), np.float32))
        assert found.integrated_lufs == found.max_momentary_lufs == -np.inf
        assert found.max_short_term_lufs == found.true_peak_dbtp == -np.inf
        assert found.range_lu == 0.0
        assert found.to_dict()["integrated_lufs"] is None


def test_a_short_sound_has_a_momentary_loudness() -> None:
    found = measured(ebu.tones([(-20.0, 0.2)]))
    assert found.integrated_lufs == -np.inf
    assert found.max_momentary_lufs == pytest.approx(-23.0, abs=0.1)  # half of 400 ms
    assert found.seconds == 0.2


def test_channels_count_as_bs_1770_says() -> None:
    assert list(loudness_weights("5.1", 6)) == [1, 1, 1, 0, SURROUND, SURROUND]
    assert list(loudness_weights("5.1(side)", 6)) == [1, 1, 1, 0, SURROUND, SURROUND]
    assert list(loudness_weights("7.1", 8)) == [1, 1, 1, 0, 1, 1, SURROUND, SURROUND]
    assert list(loudness_weights("", 6)) == list(loudness_weights("5.1", 6))
    assert list(loudness_weights("3 channels (FL+FR+LFE)", 3)) == [1, 1, 0]
    assert list(loudness_weights("5.1", 2)) == [1, 1]
    assert list(loudness_weights("", 12)) == [1] * 12
    assert pytest.approx(1.41, abs=0.005) == SURROUND


def test_layouts_are_those_of_ffmpeg() -> None:
    import av

    for name, channels in LAYOUTS.items():
        assert tuple(c.name for c in av.AudioLayout(name).channels) == channels
        assert speakers(name, len(channels)) == channels


def by_ffmpeg(data: np.ndarray, folder, layout: str) -> Loudness:
    path = folder / "sound.wav"
    soundfile.write(path, data.T, RATE, subtype="FLOAT")
    told = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-i", path, "-af",
         f"aformat=channel_layouts={layout},ebur128=peak=true", "-f", "null", "-"],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    summary = told[told.rindex("Summary:") :]
    said = {k: float(v) for k, v in re.findall(r"(\w+):\s+(-?[\d.]+) (?:LU|dBFS)", summary)}
    steps = re.findall(r"M:\s*(-?[\d.]+|nan|-inf) S:\s*(-?[\d.]+|nan|-inf)", told)
    return Loudness(
        said["I"],
        said["LRA"],
        max(float(m) for m, _ in steps if m != "nan"),
        max(float(s) for _, s in steps if s != "nan"),
        said["Peak"],
        data.shape[1] / RATE,
    )


@pytest.mark.parametrize("layout", ["stereo", "5.1"])
def test_ffmpeg_measures_the_same(tmp_path, layout: str) -> None:
    channels = 2 if layout == "stereo" else 6
    data = noise(1, 16, 0.1, channels)
    data *= (0.2 + np.abs(np.sin(np.arange(data.shape[1]) / RATE))).astype(np.float32)
    theirs, ours = by_ffmpeg(data, tmp_path, layout), measured(data, layout=layout)
    assert ours.integrated_lufs == pytest.approx(theirs.integrated_lufs, abs=0.06)
    assert ours.range_lu == pytest.approx(theirs.range_lu, abs=0.3)
    # it looks every 100 ms, ours every 10 ms
    assert -0.06 <= ours.max_momentary_lufs - theirs.max_momentary_lufs <= 0.2
    assert -0.06 <= ours.max_short_term_lufs - theirs.max_short_term_lufs <= 0.1
    assert ours.true_peak_dbtp == pytest.approx(theirs.true_peak_dbtp, abs=0.2)


def test_pyloudnorm_measures_the_same() -> None:
    data = noise(2, 8)
    data[:, 3 * RATE : 6 * RATE] *= 0.05  # under the relative gate
    theirs = pyloudnorm.Meter(RATE).integrated_loudness(data.T)
    assert measured(data).integrated_lufs == pytest.approx(theirs, abs=0.1)


def test_a_day_of_sound_is_measured_in_little_memory() -> None:
    """What is kept is one number for each 100 ms."""
    meter = LoudnessMeter(8_000, 1)
    block = noise(3, 10, channels=1)[:, :80_000]
    for _ in range(60):
        meter.add(block)
    assert len(meter._coarse) == 60 * 100
    assert len(meter._recent) == 300
