"""True peak against signals whose peak is known, and the laws of the ceiling."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtacli.signal.loudness import TruePeakMeter, from_db, to_db, true_peak
from vtacli.signal.media import Audio
from vtacli.signal.mix import Gains, MixMeter, fit_foley, mixed, spread

RATE = 48_000


def audio(*channels) -> Audio:
    return Audio(np.asarray(channels, np.float32), RATE)


def noise(seed: int, level: float, channels: int, n: int = 9600) -> Audio:
    data = np.random.default_rng(seed).uniform(-level, level, (channels, n))
    return Audio(data.astype(np.float32), RATE)


def test_the_peak_between_the_samples_is_found():
    # a quarter of the rate at 45 degrees: every sample is 0.707, the wave reaches 1.0 (EBU 3341)
    x = np.sin(0.5 * np.pi * np.arange(RATE) + 0.25 * np.pi)
    assert np.max(np.abs(x)) < 0.708
    assert to_db(true_peak([audio(x)])) == pytest.approx(0.0, abs=0.2)


def test_a_file_that_begins_loud_has_no_peak_it_does_not_have():
    assert true_peak([audio(np.ones(4800))]) == pytest.approx(1.0, abs=1e-3)


def test_a_single_sample_at_the_edge_counts():
    x = np.zeros(4800)
    x[-1] = 0.9
    assert true_peak([audio(x)]) == pytest.approx(0.9, abs=1e-6)


def test_blocks_do_not_change_the_peak():
    whole = noise(3, 0.8, 2)
    meter = TruePeakMeter(RATE, 2)
    for i in range(0, 9600, 77):
        meter.add(whole.data[:, i : i + 77])
    assert meter.peak() == pytest.approx(true_peak([whole]), rel=1e-5)


def test_silence_and_nothing():
    assert true_peak([]) == 0.0
    assert to_db(true_peak([audio(np.zeros(100))])) == -np.inf
    assert from_db(-np.inf) == 0.0


def test_mono_to_stereo_and_back_is_the_same_and_as_loud():
    x = noise(1, 0.5, 1).data
    wide = spread(x, 2)
    assert np.sum(wide**2) == pytest.approx(np.sum(x**2), rel=1e-5)
    assert np.allclose(spread(wide, 1), x, atol=1e-6)


def test_in_surround_foley_is_in_front_and_nowhere_else():
    wide = spread(noise(1, 0.5, 2).data, 6)
    assert np.array_equal(wide[:2], noise(1, 0.5, 2).data)
    assert not np.any(wide[2:])


def test_mixing_nothing_is_the_original():
    original = noise(2, 0.5, 6)
    assert np.array_equal(mixed(original, noise(1, 1, 1), Gains(0.0)).data, original.data)
    with pytest.raises(ValueError, match="cannot mix"):
        mixed(original, noise(1, 1, 1, n=9599), Gains(1.0))


@given(peak=st.floats(0, 8), gain_db=st.floats(-60, 40), ceiling=st.floats(-20, 0))
def test_foley_never_exceeds_the_ceiling_and_is_never_raised(peak, gain_db, ceiling):
    gains = fit_foley(peak, gain_db, ceiling)
    assert gains.foley * peak <= from_db(ceiling) * (1 + 1e-9)
    assert gains.foley <= from_db(gain_db)
    assert gains.mix == 1.0


@settings(max_examples=25, deadline=None)
@given(
    loud=st.floats(0.0, 1.5),
    foley=st.floats(0.01, 1.0),
    channels=st.sampled_from([1, 2, 6]),
    seed=st.integers(0, 99),
)
def test_the_mix_never_exceeds_the_ceiling(loud, foley, channels, seed):
    original, sound = noise(seed, loud, channels), noise(seed + 1, foley, 1)
    meter = MixMeter(RATE, channels, 1.0)
    meter.add(original, sound)
    gains = meter.fit(-1.0)
    out = true_peak([mixed(original, sound, gains)])
    assert out <= from_db(-1.0) * (1 + 1e-4)
    # each step of the policy is taken only when the one before it was not enough
    if true_peak([mixed(original, sound, Gains(1.0))]) <= from_db(-1.0):
        assert gains == Gains(1.0)
    if gains.mix < 1:
        assert to_db(gains.foley) == pytest.approx(-6.0)
        assert true_peak([mixed(original, sound, Gains(gains.foley))]) > from_db(-1.0)
