"""Told apart by timbre: nearest class mean, nothing judged by itself."""

from dataclasses import replace

import numpy as np
import pytest

from vtacli.evaluation.judge import Heard
from vtacli.evaluation.prompts import Prompt
from vtacli.evaluation.study import QUICK
from vtacli.evaluation.timbre import Kinds, told_by_timbre
from vtacli.evaluation.words import Made, Real

PROMPTS = [Prompt(name, frozenset({name}), name, True) for name in ("rain", "dog", "door")]
WORDS = ("near", "far", "old", "new", "odd", "big")
SUITE = replace(QUICK, named_seeds=4)


def heard(point) -> Heard:
    return Heard(np.zeros(521), np.asarray(point, np.float64), -20.0)


def points(kind, count, rng, spread=0.1):
    """Embeddings around the axis of a kind, of any length."""
    around = np.eye(8)[kind] + spread * rng.standard_normal((count, 8))
    return around * rng.uniform(0.1, 50, (count, 1))


def recordings(rng, spread=0.1):
    return [
        Real(p, f"{p.prompt}-{word}-1.opus", False, heard(point))
        for k, p in enumerate(PROMPTS)
        for word, point in zip(WORDS, points(k, 6, rng, spread), strict=True)
    ]


def sounds(rng, kinds=(0, 1, 2), **row):
    return [
        Made(p, seed, heard(point), dict(row))
        for p, k in zip(PROMPTS, kinds, strict=True)
        for seed, point in enumerate(points(k, 4, rng))
    ]


def test_what_is_apart_is_told_apart_at_any_length():
    rng = np.random.default_rng(0)
    figures, told = told_by_timbre(PROMPTS, sounds(rng), recordings(rng), SUITE)
    assert [f.key for f in figures] == ["timbre", "timbre_real"]
    assert [f.interval.value for f in figures] == [1, 1]
    assert told["generated"] == (4 * np.eye(3, dtype=int)).tolist()
    assert told["recordings"] == (6 * np.eye(3, dtype=int)).tolist()


def test_what_was_made_for_other_prompts_is_heard_as_theirs():
    rng = np.random.default_rng(0)
    figures, told = told_by_timbre(PROMPTS, sounds(rng, (1, 2, 0)), recordings(rng), SUITE)
    assert figures[0].interval.value == 0
    assert told["heard_as"][0] == {"prompt": "rain", "seed": 0, "as": "dog"}
    assert figures[1].interval.value == 1


def test_chance_is_what_noise_gets():
    rng = np.random.default_rng(0)
    real = recordings(rng, spread=1000)
    accuracies = []
    for _ in range(40):
        shuffled = [replace(r, heard=heard(rng.standard_normal(8))) for r in real]
        _, recorded = told_by_timbre(PROMPTS, sounds(rng), shuffled, SUITE)[0]
        accuracies.append(recorded.interval.value)
    assert np.mean(accuracies) == pytest.approx(1 / 3, abs=0.08)


def test_the_order_of_recordings_changes_nothing():
    rng = np.random.default_rng(1)
    real, made = recordings(rng, 0.8), sounds(rng)
    once = told_by_timbre(PROMPTS, made, real, SUITE)[1]
    again = told_by_timbre(PROMPTS, made, real[::-1], SUITE)[1]
    assert once["generated"] == again["generated"]
    assert once["recordings"] == again["recordings"]


def test_nothing_is_judged_by_its_own_series():
    """A stray recording of rain that sounds like a dog, and its second take: each is not saved by
    the other, nor is a sound that was drawn from them."""
    rng = np.random.default_rng(0)
    stray = heard(np.eye(8)[5])
    real = [
        *recordings(rng),
        Real(PROMPTS[0], "cat-1.opus", False, stray),
        Real(PROMPTS[0], "cat-2.opus", False, stray),
    ]
    kinds = Kinds.of(real, PROMPTS)
    assert kinds.likeness(stray.embedding).argmax() == 0
    lean = np.eye(8)[5] + 0.1 * np.eye(8)[1]
    assert kinds.likeness(lean, ("cat",)).argmax() == 1
    drawn = Made(PROMPTS[0], 0, heard(lean), {"drawn": ["cat-2.opus"]})
    assert drawn.drawn_series == {"cat"}
    assert told_by_timbre(PROMPTS, [drawn], real, SUITE)[1]["heard_as"][0]["as"] == "dog"


def test_a_kind_of_which_nothing_is_left_is_not_chosen():
    rng = np.random.default_rng(0)
    kinds = Kinds.of(recordings(rng), PROMPTS)
    likeness = kinds.likeness(np.eye(8)[0], [f"rain-{word}" for word in WORDS])
    assert likeness[0] == -np.inf
    assert likeness.argmax() != 0


def test_without_recordings_there_is_no_figure():
    assert told_by_timbre(PROMPTS, sounds(np.random.default_rng(0)), [], SUITE) == ([], {})
