"""Do the sounds lie near real ones? Distances between embeddings, prompt by prompt.

Generated sounds are held against held-out recordings of the same prompt, and against held-out
recordings of other prompts. What real recordings are to each other is the measure: a held-out one
against others of its prompt.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.figures import Figure
from vtacli.evaluation.judge import distance
from vtacli.evaluation.prompts import Prompt
from vtacli.evaluation.statistics import of_mean, of_ratio
from vtacli.evaluation.study import Result, Study
from vtacli.evaluation.words import Made, Real, asked, generated, recorded

SECTION = "distance"
Points = Sequence[NDArray[np.float64]]


def mean_distance(one: Points, other: Points) -> float | None:
    """The mean over all pairs; None where there are none."""
    pairs = [distance(a, b) for a in one for b in other]
    return float(np.mean(pairs)) if pairs else None


def row_of(
    prompt: Prompt, made: Sequence[Made], real: Sequence[Real], *, strict: bool
) -> dict[str, Any]:
    """The distances of one prompt. ``strict``: only held-out recordings are compared with."""
    own = [m.heard.embedding for m in made if m.prompt == prompt]
    mine = [r for r in real if r.prompt == prompt]
    target = [r for r in mine if r.held_out or not strict]
    away = [r for r in real if (r.held_out or not strict) and not r.prompt.like(prompt)]
    pairs = [
        distance(a.heard.embedding, b.heard.embedding)
        for a in target
        for b in mine
        if a.file != b.file
    ]
    return {
        "prompt": prompt.prompt,
        "recordings": [r.file for r in target],
        "to_real": mean_distance(own, [r.heard.embedding for r in target]),
        "to_others": mean_distance(own, [r.heard.embedding for r in away]),
        "real_to_real": float(np.mean(pairs)) if pairs else None,
    }


def measure(study: Study) -> Result:
    """Distances to held-out recordings; to all that match a prompt as a side line."""
    made, real = generated(study), recorded(study)
    prompts = asked(study)
    strict = [row_of(p, made, real, strict=True) for p in prompts]
    loose = [row_of(p, made, real, strict=False) for p in prompts]
    study.use("distances to held-out recordings", (f for row in strict for f in row["recordings"]))
    figures = _figures(strict, "held-out recordings", study.suite.seed, held=True)
    figures += _figures(loose, "all matching", study.suite.seed, held=False)
    return Result(figures, {"held_out": strict, "all": loose})


def _figures(rows: Sequence[dict[str, Any]], whose: str, seed: int, *, held: bool) -> list[Figure]:
    known = [r for r in rows if r["to_real"] is not None and r["to_others"] is not None]
    if not known:
        return []
    key = "distance" if held else "distance_all"
    count = sum(len(r["recordings"]) for r in known)
    on = f"{len(known)} prompts, {count} {whose}"
    to_real = [r["to_real"] for r in known]
    figures = [
        Figure(
            f"{key}_shuffled",
            f"distance to {whose}: own prompt / others",
            of_ratio(to_real, [r["to_others"] for r in known], seed),
            1.0 if held else None,
            more_is_better=False,
            measured=on,
        )
    ]
    paired = [r for r in known if r["real_to_real"] is not None]
    if paired:
        figures.append(
            Figure(
                f"{key}_real",
                f"distance to {whose}: own prompt / real to real",
                of_ratio([r["to_real"] for r in paired], [r["real_to_real"] for r in paired], seed),
                goal=2.0 if held else None,
                more_is_better=False,
                measured=f"{len(paired)} prompts with two recordings or more",
            )
        )
    if held:
        for name, title in (
            ("to_real", "to held-out recordings, own prompt"),
            ("to_others", "to held-out recordings, other prompts"),
            ("real_to_real", "real to real, same prompt"),
        ):
            values = [r[name] for r in known if r[name] is not None]
            if values:
                interval = of_mean(values, seed)
                title = f"distance {title}"
                figures.append(
                    Figure(f"{key}_{name}", title, interval, more_is_better=False, measured=on)
                )
    return figures
