"""Another take at each blow, and the same one wherever that blow is asked for."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from test_draft import bank_of_three

from vtacli.model.mini.choice import choose
from vtacli.model.mini.draft import HIT, Bank
from vtacli.model.mini.start import raised
from vtacli.model.mini.takes import MOST, in_turn, some, takes_of

MOMENTS = st.lists(st.floats(0, 60), max_size=20, unique=True).map(sorted)
TAKES = st.integers(1, 9).map(lambda n: np.arange(n) * 3)
SEEDS = st.integers(0, 2**62)


@given(TAKES, MOMENTS, SEEDS)
def test_no_take_sounds_twice_in_a_row_where_there_are_several(takes, times_s, seed):
    chosen = in_turn(takes, times_s, seed)
    assert len(chosen) == len(times_s)
    assert set(chosen) <= set(takes.tolist())
    if len(takes) > 1:
        assert all(a != b for a, b in pairwise(chosen))


@given(TAKES, MOMENTS, SEEDS)
def test_windows_that_overlap_agree_but_for_a_double_at_the_seam(takes, times_s, seed):
    whole = in_turn(takes, times_s, seed)
    for first in range(len(times_s)):
        part = in_turn(takes, times_s[first:], seed)
        unlike = [i for i, (a, b) in enumerate(zip(part, whole[first:], strict=True)) if a != b]
        assert unlike == list(range(len(unlike)))  # only at the seam, from there on they agree


def test_every_take_has_its_turn():
    chosen = in_turn(np.arange(5), np.arange(200) * 0.5, seed=3)
    counts = np.bincount(chosen, minlength=5)
    assert counts.min() > 20


@given(MOMENTS, SEEDS, st.floats(0, 60))
def test_one_more_blow_changes_none_but_its_double(times_s, seed, more):
    takes = np.arange(6)
    before = dict(zip(times_s, in_turn(takes, times_s, seed), strict=True))
    together = sorted({*times_s, more})
    after = dict(zip(together, in_turn(takes, together, seed), strict=True))
    unlike = [t for t in times_s if before[t] != after[t]]
    assert all(t > more for t in unlike)
    following = [t for t in times_s if t > more]
    assert unlike == following[: len(unlike)]


def bank_of_series() -> Bank:
    """Entries 0 to 2: door 1, door 2 and a blow cut out of it; 3: another door; 4: a bell."""
    bank = bank_of_three()
    first = np.zeros(5, np.int64)
    return replace(
        bank,
        starts=bank.starts[first],
        ends=bank.ends[first],
        kinds=np.full(5, HIT),
        lead_s=bank.lead_s[first],
        label_of=np.array([0, 0, 0, 2, 1]),
        files=("a/door-1.wav", "a/door-2.wav", "b/gate.wav", "a/door-3.wav"),
        file_of=np.array([0, 1, 1, 2, 3]),
    )


def test_takes_are_of_one_series_and_one_name():
    bank, every = bank_of_series(), np.arange(5)
    assert takes_of(bank, 0, every).tolist() == [0, 1, 2]
    assert takes_of(bank, 3, every).tolist() == [3]
    assert takes_of(bank, 0, np.array([1])).tolist() == [0, 1]  # what was chosen is always one
    assert takes_of(replace(bank, file_of=None, files=()), 1, every).tolist() == [1]


def test_no_more_takes_are_used_than_a_scene_needs():
    rng = np.random.default_rng(0)
    kept = some(np.arange(50), 7, rng)
    assert len(kept) == MOST
    assert 7 in kept
    assert some(np.arange(3), 1, rng).tolist() == [0, 1, 2]


def test_blows_of_a_series_are_laid_in_turn_and_keep_their_takes_in_the_next_window():
    bank, vectors = bank_of_series(), np.eye(3, dtype=np.float32)
    times = [(1.0, 1.0), (3.0, 1.0), (5.0, 1.0), (7.0, 1.0), (9.0, 1.0)]

    def laid(strikes, at_s):
        rng = np.random.default_rng(5)
        return choose(bank, vectors, np.eye(3)[0], strikes, 10.24, rng, at_s=at_s)

    whole = [p.recording for p in laid(times, 0.0)]
    assert len(set(whole)) > 1
    later = [p.recording for p in laid([(t - 4, s) for t, s in times[2:]], 4.0)]
    assert later[1:] == whole[3:]


def test_soft_takes_are_raised_to_near_the_loudest():
    more = raised({1: -10.0, 2: -30.0, 3: -12.0})
    assert more[1] == more[3] == 0.0
    assert np.isclose(20 / np.log(10) * more[2], 17.0)  # to 3 dB under it
    assert raised({}) == {}
