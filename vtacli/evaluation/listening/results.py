"""What the answers say: mean opinion scores, and who is preferred to whom."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import binomtest

from vtacli.evaluation.listening.answers import LEFT, NEITHER, Answer
from vtacli.evaluation.listening.plan import MOS, MOS_QUESTIONS, PAIRS, Item, Plan
from vtacli.evaluation.statistics import Interval

DRAWS = 2000


@dataclass(frozen=True)
class Opinion:
    """The mean grade of one system at one question; ``mean.units`` counts the grades."""

    system: str
    question: str
    mean: Interval
    listeners: int
    clips: int


@dataclass(frozen=True)
class Preference:
    """How often ``one`` was preferred to ``other`` and the reverse; ``same``: undecided.

    ``share``: of the decided answers, those for ``one``, with the exact interval of Clopper and
    Pearson (1934). ``p``: two-sided binomial test against one half, ``p_holm``: corrected for
    how many pairs are tested (Holm, 1979). Both hold as far as answers are independent, which
    several of one listener, or of one film, are not quite.
    """

    one: str
    other: str
    one_wins: int
    other_wins: int
    same: int
    share: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None = None


@dataclass(frozen=True)
class Results:
    test: str
    listeners: int
    answers: int
    expected: int
    opinions: tuple[Opinion, ...]
    preferences: tuple[Preference, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "test": self.test,
            "listeners": self.listeners,
            "answers": self.answers,
            "expected": self.expected,
            "opinions": [
                {
                    "system": o.system,
                    "question": o.question,
                    **o.mean.to_dict(),
                    "listeners": o.listeners,
                    "clips": o.clips,
                }
                for o in self.opinions
            ],
            "preferences": [asdict(p) for p in self.preferences],
        }


def results_of(plan: Plan, answers: Sequence[Answer], seed: int = 0) -> Results:
    """Join the answers with the key and count."""
    items = {i.code: i for i in plan.items}
    trials = {t.number: t for t in plan.trials}
    grades: dict[tuple[str, str], list[tuple[str, str, int]]] = defaultdict(list)
    counts: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0, 0])
    for answer in answers:
        trial = trials[answer.trial]
        if trial.kind == MOS:
            item = items[trial.items[0]]
            grade = (answer.listener, item.clip, int(answer.answer))
            grades[item.system, answer.question].append(grade)
        else:
            left, right = (items[code] for code in trial.items)
            counts[_ordered(left, right)][_won(answer.answer, left, right)] += 1
    order = [q for q, _ in MOS_QUESTIONS]
    opinions = [
        _opinion(system, question, rows, seed) for (system, question), rows in grades.items()
    ]
    opinions.sort(key=lambda o: (order.index(o.question), -o.mean.value, o.system))
    questions = {PAIRS: 1, MOS: len(MOS_QUESTIONS)}
    listeners = {a.listener for a in answers}
    return Results(
        plan.test,
        len(listeners),
        len(answers),
        len(listeners) * sum(questions[t.kind] for t in plan.trials),
        tuple(opinions),
        holm([_preference(pair, counts[pair]) for pair in sorted(counts)]),
    )


def _ordered(left: Item, right: Item) -> tuple[str, str]:
    one, other = sorted((left.system, right.system))
    return one, other


def _won(answer: str, left: Item, right: Item) -> int:
    """0: the first by name, 1: the second, 2: neither."""
    if answer == NEITHER:
        return 2
    winner = left if answer == LEFT else right
    return _ordered(left, right).index(winner.system)


def _preference(pair: tuple[str, str], counts: Sequence[int]) -> Preference:
    wins, losses, same = counts
    if not wins + losses:
        return Preference(*pair, wins, losses, same, None, None, None, None)
    test = binomtest(wins, wins + losses, 0.5)
    around = test.proportion_ci(0.95, "exact")
    share = wins / (wins + losses)
    return Preference(
        *pair, wins, losses, same, share, float(around.low), float(around.high), float(test.pvalue)
    )


def holm(found: Sequence[Preference]) -> tuple[Preference, ...]:
    """With ``p_holm``: the smallest p times the number of tests, the next times one less, ..."""
    tested = sorted((p.p, i) for i, p in enumerate(found) if p.p is not None)
    corrected: dict[int, float] = {}
    highest = 0.0
    for rank, (p, i) in enumerate(tested):
        highest = max(highest, min(1.0, p * (len(tested) - rank)))
        corrected[i] = highest
    return tuple(
        Preference(**{**asdict(p), "p_holm": corrected.get(i)}) for i, p in enumerate(found)
    )


def _opinion(
    system: str, question: str, rows: Sequence[tuple[str, str, int]], seed: int
) -> Opinion:
    listeners, clips = (sorted({r[k] for r in rows}) for k in (0, 1))
    who = np.array([listeners.index(r[0]) for r in rows])
    what = np.array([clips.index(r[1]) for r in rows])
    grades = np.array([r[2] for r in rows], np.float64)
    low, high = _both_ways(who, what, grades, len(listeners), len(clips), seed)
    mean = Interval(float(grades.mean()), low, high, len(rows))
    return Opinion(system, question, mean, len(listeners), len(clips))


def _both_ways(
    who: Any, what: Any, grades: Any, listeners: int, clips: int, seed: int
) -> tuple[float | None, float | None]:
    """The 95 % interval over resampled listeners and resampled clips together, since neither
    stands alone: Owen, "The pigeonhole bootstrap" (Annals of Applied Statistics, 2007)."""
    if len(grades) < 2 or (listeners < 2 and clips < 2):
        return None, None
    rng = np.random.default_rng(seed)
    drawn = []
    for _ in range(DRAWS):
        weight = (
            np.bincount(rng.integers(0, listeners, listeners), minlength=listeners)[who]
            * np.bincount(rng.integers(0, clips, clips), minlength=clips)[what]
        )
        if weight.sum():
            drawn.append(float((weight * grades).sum() / weight.sum()))
    low, high = np.percentile(drawn, [2.5, 97.5])
    return float(low), float(high)
