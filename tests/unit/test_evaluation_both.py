"""Told apart by classes and timbre together: what one judge confuses, the other may know."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from vtacli.evaluation.both import deviation, told_by_both
from vtacli.evaluation.judge import Heard, Judge
from vtacli.evaluation.prompts import Prompt
from vtacli.evaluation.study import QUICK
from vtacli.evaluation.words import Made, Real

NAMES = ("rain", "dog", "door")
PROMPTS = [Prompt(name, frozenset({name}), name, True) for name in NAMES]
JUDGE = cast(Judge, SimpleNamespace(index={name: i for i, name in enumerate(NAMES)}))
SUITE = replace(QUICK, named_seeds=8)
WORDS = ["".join(pair) for pair in product("abcdefgh", repeat=2)]


def heard(rng, class_of: int | None, timbre_of: int | None) -> Heard:
    """A sound whose classes and whose timbre each point at a kind, or at none (None)."""
    scores = rng.uniform(0.01, 0.02, 521)
    point = 0.1 * rng.standard_normal(8) + 1.0
    if class_of is not None:
        scores[class_of] = 0.5
    if timbre_of is not None:
        point[timbre_of] += 3
    return Heard(scores, point, -20.0)


def world(by_class, by_timbre, count=8) -> tuple[list[Made], list[Real]]:
    """``by_class``, ``by_timbre``: whether each kind is known by that judge."""
    rng = np.random.default_rng(0)

    def one(k: int) -> Heard:
        return heard(rng, k if by_class[k] else None, k if by_timbre[k] else None)

    made = [Made(p, i, one(k), {}) for k, p in enumerate(PROMPTS) for i in range(count)]
    real = [
        Real(p, f"{p.prompt}-{WORDS[i]}.opus", False, one(k))
        for k, p in enumerate(PROMPTS)
        for i in range(count)
    ]
    return made, real


@pytest.mark.parametrize(
    ("by_class", "by_timbre"),
    [((1, 1, 1), (1, 1, 1)), ((1, 1, 0), (0, 1, 1)), ((1, 0, 1), (1, 1, 0))],
)
def test_what_either_knows_is_known(by_class, by_timbre):
    made, real = world(by_class, by_timbre)
    figures, told = told_by_both(PROMPTS, made, real, JUDGE, SUITE)
    assert [f.key for f in figures] == ["both", "both_real"]
    assert [f.interval.value for f in figures] == [1, 1]
    assert told["generated"] == (8 * np.eye(3, dtype=int)).tolist()


def test_what_was_made_for_others_is_heard_as_theirs():
    made, real = world((1, 1, 1), (1, 1, 1))
    turned: list[Any] = [
        replace(m, prompt=PROMPTS[(NAMES.index(m.prompt.prompt) + 1) % 3]) for m in made
    ]
    figures, _ = told_by_both(PROMPTS, turned, real, JUDGE, SUITE)
    assert figures[0].interval.value == 0


def test_what_neither_knows_is_chance():
    made, real = world((0, 0, 0), (0, 0, 0), count=40)
    figures, _ = told_by_both(PROMPTS, made, real, JUDGE, replace(SUITE, named_seeds=40))
    assert figures[0].interval.value == pytest.approx(1 / 3, abs=0.15)


def test_the_unit_is_the_deviation_over_others():
    rng = np.random.default_rng(0)
    kinds = np.repeat(np.arange(2), 500)
    likeness = 0.2 * rng.standard_normal((1000, 2))
    likeness[np.arange(1000), kinds] += 5  # of one's own kind: not counted
    likeness[0, 1] = -np.inf
    assert deviation(likeness, kinds) == pytest.approx(0.2, rel=0.1)
    assert deviation(np.zeros((1, 2)), np.zeros(1, int)) == 1.0


def test_without_recordings_there_is_no_figure():
    assert told_by_both(PROMPTS, world((1, 1, 1), (1, 1, 1))[0], [], JUDGE, SUITE) == ([], {})
