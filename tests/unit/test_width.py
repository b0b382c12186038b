"""Width is added without a mono listener hearing it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vtacli.signal.width import DELAYS_MS, AllPass, Widener

RATE = 48_000


def noise(seed: int, n: int = RATE) -> np.ndarray:
    return (0.2 * np.random.default_rng(seed).standard_normal((1, n))).astype(np.float32)


@given(st.floats(0, 1), st.integers(0, 50))
def test_the_mono_sum_is_exact_to_rounding(width, seed):
    mono = noise(seed, 4800)
    wide = Widener(RATE, width).add(mono)
    assert wide.shape == (2, 4800)
    # each side was rounded once to float32, at most half a step at the side's own size
    allowed = np.spacing(np.abs(wide).max()) + np.spacing(np.abs(mono).max())
    assert np.abs(wide.astype(np.float64).sum(axis=0) - 2.0 * mono[0]).max() <= allowed


def test_no_width_is_the_centre():
    mono = noise(1)
    assert np.array_equal(Widener(RATE, 0.0).add(mono), np.concatenate([mono, mono]))


def test_full_width_is_uncorrelated_and_half_is_between():
    mono = noise(2, 10 * RATE)
    correlations = [
        np.corrcoef(Widener(RATE, width).add(mono))[0, 1] for width in (0.0, 0.25, 0.5, 1.0)
    ]
    assert correlations == pytest.approx([1.0, 0.88, 0.6, 0.0], abs=0.06)
    assert correlations == sorted(correlations, reverse=True)


def test_an_echo_passes_all_frequencies_alike():
    click = np.zeros(1 << 15)
    click[0] = 1.0
    for ms in DELAYS_MS:
        response = np.abs(np.fft.rfft(AllPass(round(ms * RATE / 1000)).add(click)))
        assert response == pytest.approx(np.ones(len(response)), abs=1e-3)


def test_low_frequencies_stay_in_the_centre_and_high_ones_are_as_loud():
    click = np.zeros((1, 1 << 15), np.float32)
    click[0, 0] = 1.0
    left, right = Widener(RATE, 1.0).add(click)
    level = np.abs(np.fft.rfft((left - right) / 2))
    hz = np.fft.rfftfreq(1 << 15, 1 / RATE)
    assert level[hz < 30].max() < 0.3
    assert level[hz > 500] == pytest.approx(np.ones(int((hz > 500).sum())), abs=0.05)


@settings(max_examples=20)
@given(st.lists(st.integers(1, 3000), min_size=1, max_size=8))
def test_blocks_are_the_whole(sizes):
    mono = noise(3, sum(sizes))
    whole = Widener(RATE, 0.7).add(mono)
    wide, parts, at = Widener(RATE, 0.7), [], 0
    for size in sizes:
        parts.append(wide.add(mono[:, at : at + size]))
        at += size
    assert np.concatenate(parts, axis=1) == pytest.approx(whole, abs=1e-7)


def test_the_widened_sum_is_the_sum_of_the_widened():
    a, b = noise(4), noise(5)
    together = Widener(RATE, 0.8).add(a + b)
    apart = Widener(RATE, 0.8).add(a) + Widener(RATE, 0.8).add(b)
    assert together == pytest.approx(apart, abs=1e-6)


def test_stereo_keeps_its_sum_too():
    stereo = np.concatenate([noise(6), noise(7)])
    wide = Widener(RATE, 0.5).add(stereo)
    assert wide.sum(axis=0) == pytest.approx(stereo.sum(axis=0), abs=1e-6)


def test_an_impulse_is_where_it_was():
    mono = np.zeros((1, 1000), np.float32)
    mono[0, 100] = 1.0
    wide = Widener(RATE, 1.0).add(mono)
    assert not wide[:, :100].any()
    assert np.all(np.argmax(np.abs(wide), axis=1) == 100)


@pytest.mark.parametrize("width", [-0.1, 1.1])
def test_what_is_no_width_is_refused(width):
    with pytest.raises(ValueError, match="width"):
        Widener(RATE, width)
