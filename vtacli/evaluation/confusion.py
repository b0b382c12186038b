"""The named prompts told apart: which of them does each sound sound like most?

A prompt's score for a sound is the largest log score among its classes. Classes differ in how
readily the tagger gives them, so each prompt's scores are first put in units of what it gets from
real recordings of the *other* named prompts: minus their mean, over their standard deviation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.figures import Figure
from vtacli.evaluation.judge import Heard, Judge
from vtacli.evaluation.prompts import Prompt
from vtacli.evaluation.statistics import bootstrap
from vtacli.evaluation.study import Suite

if TYPE_CHECKING:
    from vtacli.evaluation.words import Made, Real

FLOOR = 1e-4


def prompt_scores(
    sounds: Sequence[Heard], prompts: Sequence[Prompt], judge: Judge
) -> NDArray[np.float64]:
    """(sounds, prompts): the largest log score among each prompt's classes."""
    columns = [[judge.index[c] for c in p.classes if c in judge.index] for p in prompts]
    return np.array(
        [[np.log(h.scores[c].max(initial=0.0) + FLOOR) for c in columns] for h in sounds]
    ).reshape(len(sounds), len(prompts))


def calibration(
    scores: NDArray[np.float64], truth: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of each prompt's scores over what is *not* of that prompt, (prompts,)."""
    count = scores.shape[1]
    mean, spread = np.zeros(count), np.ones(count)
    for k in range(count):
        others = scores[truth != k, k]
        if len(others) > 1:
            mean[k], spread[k] = others.mean(), max(float(others.std()), 0.3)
    return mean, spread


def confusion(
    prompts: Sequence[Prompt],
    made: Sequence[Made],
    real: Sequence[Real],
    judge: Judge,
    suite: Suite,
) -> tuple[list[Figure], dict[str, Any]]:
    """Accuracy of generated and of real sounds, and both tables of counts (said, heard as)."""
    ours, theirs = of_prompts(prompts, made, real, suite)
    if not ours or not theirs:
        return [], {}
    heard_made, heard_real = (s.argmax(axis=1) for s in by_classes(prompts, ours, theirs, judge))
    figures, told = told_apart(
        "named",
        "words, named prompts told apart",
        prompts,
        ours,
        heard_made,
        (which(prompts, theirs), heard_real),
        suite,
        f"{len(theirs)} recordings",
    )
    return figures, {"prompts": [p.prompt for p in prompts], **told}


def by_classes(
    prompts: Sequence[Prompt], made: Sequence[Made], real: Sequence[Real], judge: Judge
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Each prompt's score in units of what it gets from recordings of others, for ``made``
    (N, prompts) and for ``real`` (M, prompts)."""
    raw = prompt_scores([r.heard for r in real], prompts, judge)
    mean, spread = calibration(raw, which(prompts, real))
    ours = prompt_scores([m.heard for m in made], prompts, judge)
    return (ours - mean) / spread, (raw - mean) / spread


def which(prompts: Sequence[Prompt], sounds: Sequence[Made | Real]) -> NDArray[np.int64]:
    """(N,) The place among ``prompts`` of what each sound is of."""
    place = {p.prompt: i for i, p in enumerate(prompts)}
    return np.array([place[s.prompt.prompt] for s in sounds])


def of_prompts(
    prompts: Sequence[Prompt], made: Sequence[Made], real: Sequence[Real], suite: Suite
) -> tuple[list[Made], list[Real]]:
    """What is of these prompts: sounds, as many of each as the suite says, and recordings."""
    names = {p.prompt for p in prompts}
    ours = [m for m in made if m.prompt.prompt in names and m.seed < suite.named_seeds]
    return ours, [r for r in real if r.prompt.prompt in names]


def told_apart(
    key: str,
    title: str,
    prompts: Sequence[Prompt],
    made: Sequence[Made],
    heard: NDArray[np.int64],
    recorded: tuple[NDArray[np.int64], NDArray[np.int64]],
    suite: Suite,
    recordings: str,
) -> tuple[list[Figure], dict[str, Any]]:
    """How often ``made`` is ``heard`` (N,) as the prompt that it was made for, and both tables of
    counts (said, heard as). ``recorded``: (M,) of which prompt recordings are, and are heard as;
    ``recordings``: which these are."""
    said, count = which(prompts, made), len(prompts)
    figures = [
        Figure(
            key,
            f"{title}: right",
            accuracy(said, heard, count, suite.seed),
            measured=f"{count} prompts, {len(made)} sounds; chance {1 / count:.3f}",
        ),
        Figure(
            f"{key}_real",
            f"{title}: real recordings",
            accuracy(*recorded, count, suite.seed),
            measured=recordings,
        ),
    ]
    return figures, {
        "generated": table_of(said, heard, count),
        "recordings": table_of(*recorded, count),
        "heard_as": [
            {"prompt": m.prompt.prompt, "seed": m.seed, "as": prompts[int(h)].prompt}
            for m, h in zip(made, heard, strict=True)
        ],
    }


def accuracy(said: NDArray[np.int64], heard: NDArray[np.int64], count: int, seed: int) -> Any:
    """The mean over prompts of the share that is right; prompts are what is resampled."""
    rates = np.array([np.mean(heard[said == k] == k) for k in range(count) if np.any(said == k)])
    return bootstrap(len(rates), lambda c: float(rates[c].mean()), seed=seed)


def table_of(said: NDArray[np.int64], heard: NDArray[np.int64], count: int) -> list[list[int]]:
    """(count, count) of counts: said, heard as."""
    table = np.zeros((count, count), dtype=int)
    np.add.at(table, (said, heard), 1)
    return [[int(n) for n in row] for row in table]
