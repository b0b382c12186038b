"""What all the sounds together are like: FAD, KID and IS.

A set has no order, so that sounds of the wrong films make the same set, and shuffling says
nothing here. The far end is white noise as loud as the true sound. The floor is true sound
against true sound: random halves of the clips, held against each other; and because a Fréchet
distance depends on how many clips there are, what was made is held against such halves too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.films.figure import FilmFigure
from vtacli.evaluation.films.material import Clip, Values
from vtacli.evaluation.metrics.classes import inception_score
from vtacli.evaluation.metrics.frechet import frechet_distance
from vtacli.evaluation.metrics.kernel import kernel_distance
from vtacli.evaluation.statistics import Interval

FEWEST = 2
"""Clips that make a set."""
SPLITS = 20
"""Random halves that floors are means over."""
DRAWS, DRAWS_OF_MANY, MANY = 200, 40, 2000
"""Resamplings for the interval; fewer where there are many embeddings, whose spread is small."""
NOISE = "white noise as loud"
HALVES = "true sound against true sound, halves of the clips"

Distance = Callable[[Values, Values], float]
Rows = Sequence[Values]
"""Embeddings of each clip, (P, D) each."""
Chosen = NDArray[Any]


def set_figures(clips: Sequence[Clip], listener: str, seed: int) -> list[FilmFigure]:
    """The figures of all clips that have a true sound; IS of all."""
    figures = []
    told = [c for c in clips if c.true is not None]
    if len(told) >= FEWEST:
        true = [c.true.embeddings for c in told if c.true is not None]
        made = [c.made.embeddings for c in told]
        noise = [c.noise.embeddings for c in told if c.noise is not None]
        for key, title, distance, digits in (
            ("fad", "FAD", frechet_distance, 2),
            ("kid", "KID", kernel_distance, 4),
        ):
            figures += _distances(
                key, f"{title} ({listener})", distance, digits, true, made, noise, seed
            )
    classes = [c.made.classes for c in clips if c.made.classes is not None]
    if len(classes) >= FEWEST:
        figures.append(_score(clips, f"IS ({listener})", seed))
    return figures


def _distances(
    key: str,
    title: str,
    distance: Distance,
    digits: int,
    true: Rows,
    made: Rows,
    noise: Rows,
    seed: int,
) -> list[FilmFigure]:
    count = len(true)

    def between(one: Rows, first: Chosen, other: Rows, second: Chosen) -> float:
        a, b = (np.concatenate([r[i] for i in at]) for r, at in ((one, first), (other, second)))
        return distance(a, b) if min(len(a), len(b)) > 1 else float("nan")

    def whole(other: Rows) -> Interval:
        return around(count, lambda at: between(true, at, other, at), _draws(true), seed)

    common: dict[str, Any] = {"more_is_better": False, "digits": digits}
    figures = [
        FilmFigure(
            key,
            title,
            whole(made),
            ceiling=whole(noise) if len(noise) == count else None,
            ceiling_how=NOISE,
            how=f"{len(np.concatenate(true))} true embeddings against "
            f"{len(np.concatenate(made))} made",
            **common,
        )
    ]
    if count >= 2 * FEWEST:
        halves = _halves(count, seed)

        def mean(other: Rows) -> Interval:
            values = np.array([between(true, a, other, b) for a, b in halves])
            if not np.isfinite(values).any():
                return Interval(float("nan"), None, None, count)
            low, high = np.nanpercentile(values, [2.5, 97.5])
            return Interval(float(np.nanmean(values)), float(low), float(high), count)

        figures.append(
            FilmFigure(
                f"{key}_halves",
                f"{title}, halves",
                mean(made),
                floor=mean(true),
                ceiling=mean(noise) if len(noise) == count else None,
                floor_how=HALVES,
                ceiling_how=NOISE,
                how=f"half of the clips against the others' true sound, {SPLITS} splits",
                **common,
            )
        )
    return figures


def _score(clips: Sequence[Clip], title: str, seed: int) -> FilmFigure:
    def score(sounds: Rows) -> Interval:
        rows = np.array([s.mean(axis=0) for s in sounds])
        return around(len(rows), lambda at: inception_score(rows[at]), DRAWS, seed)

    made = [c.made.classes for c in clips if c.made.classes is not None]
    true = [c.true.classes for c in clips if c.true is not None and c.true.classes is not None]
    noise = [c.noise.classes for c in clips if c.noise is not None and c.noise.classes is not None]
    return FilmFigure(
        "is",
        title,
        score(made),
        floor=score(true) if len(true) >= FEWEST else None,
        ceiling=score(noise) if len(noise) >= FEWEST else None,
        floor_how="true sound",
        ceiling_how=NOISE,
        how=f"over all clips at once; at most {len(made)} here",
    )


def around(count: int, statistic: Callable[[Chosen], float], draws: int, seed: int) -> Interval:
    """The statistic of all clips, with the spread that resampled clips give it.

    The percentiles are moved so that their median is the value: resampling repeats clips, and
    repeated clips are fewer, which raises a Fréchet distance by itself. None where the spread
    cannot be told.
    """
    value = float(statistic(np.arange(count)))
    rng = np.random.default_rng(seed)
    drawn = np.array([statistic(rng.integers(0, count, count)) for _ in range(draws)])
    drawn = drawn[np.isfinite(drawn)]
    if count < 3 or len(drawn) < 2:
        return Interval(value, None, None, count)
    low, middle, high = np.percentile(drawn, [2.5, 50, 97.5])
    return Interval(value, value + float(low - middle), value + float(high - middle), count)


def _draws(rows: Rows) -> int:
    return DRAWS if sum(len(r) for r in rows) <= MANY else DRAWS_OF_MANY


def _halves(count: int, seed: int) -> list[tuple[Chosen, Chosen]]:
    rng = np.random.default_rng(seed)
    orders = [rng.permutation(count) for _ in range(SPLITS)]
    return [(o[: count // 2], o[count // 2 :]) for o in orders]
