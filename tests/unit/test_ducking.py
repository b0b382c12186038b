"""Foley is down by what was asked for while somebody speaks, and untouched everywhere else."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtacli.signal.ducking import (
    AFTER_S,
    BEFORE_S,
    Ducking,
    DuckingGain,
    joined,
    speech_stretches,
)
from vtacli.signal.loudness import from_db

RATE = 48_000
DUCK = Ducking(12.0, attack_ms=100, release_ms=400)

stretches = st.lists(
    st.tuples(st.floats(0, 20), st.floats(0.05, 4)).map(lambda s: (s[0], s[0] + s[1])), max_size=6
)
duckings = st.builds(
    Ducking,
    st.floats(0.5, 60),
    st.floats(0, 500),
    st.floats(0, 2000),
)


@given(stretches, duckings)
def test_down_in_speech_and_one_beyond_the_slopes(found, ducking):
    rate = 1000
    gain = DuckingGain(found, ducking, rate).between(0, 30 * rate)
    speaks, free = np.zeros(len(gain), bool), np.ones(len(gain), bool)
    for start, end in joined(found, (ducking.attack_ms + ducking.release_ms) / 1000):
        speaks[round(start * rate) : round(end * rate)] = True
        lo = round(start * rate) - round(ducking.attack_ms * rate / 1000)
        free[max(0, lo) : round(end * rate) + round(ducking.release_ms * rate / 1000)] = False
    assert np.all(gain[speaks] <= from_db(-ducking.depth_db) * (1 + 1e-6))
    assert np.all(gain[free] == 1.0)
    assert np.all((gain > 0) & (gain <= 1.0))


@given(stretches, duckings, st.lists(st.integers(1, 9000), min_size=1, max_size=8))
def test_blocks_are_the_whole(found, ducking, sizes):
    gain = DuckingGain(found, ducking, 1000)
    whole = gain.between(0, sum(sizes))
    edges = np.cumsum([0, *sizes])
    parts = [gain.between(int(a), int(b)) for a, b in pairwise(edges)]
    assert np.array_equal(np.concatenate(parts), whole)


def test_the_gain_has_no_corner():
    gain = DuckingGain([(1.0, 2.0), (3.5, 3.6)], DUCK, RATE).between(0, 5 * RATE)
    step_db = np.abs(np.diff(20 * np.log10(gain)))
    # the steepest step of a raised cosine over the attack, and nothing steeper
    assert step_db.max() <= np.pi / 2 * 12.0 / (0.1 * RATE) * 1.02
    bend = np.abs(np.diff(20 * np.log10(gain.astype(np.float64)), 2))
    assert bend.max() < 1e-3


def test_it_is_down_when_speech_begins_and_comes_up_after_it_has_ended():
    gain = DuckingGain([(1.0, 2.0)], DUCK, RATE).between(0, 3 * RATE)
    low = from_db(-12.0)
    assert gain[RATE] == pytest.approx(low, rel=1e-6)
    assert gain[2 * RATE - 1] == pytest.approx(low, rel=1e-6)
    assert gain[RATE - round(0.05 * RATE)] == pytest.approx(from_db(-6.0), rel=1e-2)
    assert gain[RATE - round(0.1 * RATE) - 1] == 1.0
    assert gain[2 * RATE + round(0.4 * RATE)] == 1.0
    assert gain[2 * RATE + 100] > low


def test_foley_does_not_come_up_for_a_moment_between_two_words():
    gain = DuckingGain([(1.0, 1.5), (1.9, 2.5)], DUCK, RATE)
    assert gain.stretches == ((1.0, 2.5),)
    assert np.ptp(gain.between(RATE, 2 * RATE)) == 0


def test_speech_at_the_films_edges():
    gain = DuckingGain([(0.0, 1.0), (2.9, 3.0)], DUCK, RATE).between(0, 3 * RATE)
    assert gain[0] == pytest.approx(from_db(-12.0))
    assert gain[-1] == pytest.approx(from_db(-12.0))


def test_no_speech_no_change():
    assert np.all(DuckingGain([], DUCK, RATE).between(12345, 54321) == 1.0)


@given(st.lists(st.floats(0, 1), max_size=200), st.floats(0.1, 7))
def test_stretches_are_in_order_within_the_film(probabilities, duration_s):
    found = speech_stretches(np.array(probabilities, np.float32), 0.032, duration_s)
    flat = [edge for stretch in found for edge in stretch]
    assert flat == sorted(flat)
    assert all(0 <= edge <= duration_s for edge in flat)


def test_a_single_spark_is_no_speech_and_a_dip_is_no_end():
    p = np.zeros(100, np.float32)
    p[20] = 0.9
    assert speech_stretches(p, 0.032, 3.2) == []
    p[40:60] = 0.8
    p[50] = 0.2
    (found,) = speech_stretches(p, 0.032, 3.2)
    assert found == pytest.approx((40 * 0.032 - BEFORE_S, 60 * 0.032 + AFTER_S))
