"""How sure a figure is: bootstrap intervals, and the pairing that makes chance."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Chosen = NDArray[np.int64]
"""Indices of the units that one resampling drew, with repeats."""


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % interval. ``units`` is how many independent things were resampled;
    ``low`` and ``high`` are None where one unit, or none, tells nothing of the spread."""

    value: float
    low: float | None
    high: float | None
    units: int

    def to_dict(self) -> dict[str, float | int | None]:
        """JSON values: what is not finite becomes None."""
        return {
            "value": finite(self.value),
            "low": finite(self.low),
            "high": finite(self.high),
            "units": self.units,
        }


def finite(value: float | None) -> float | None:
    """The number, or None for what JSON cannot say."""
    return value if value is not None and math.isfinite(value) else None


def bootstrap(
    units: int,
    statistic: Callable[[Chosen], float],
    *,
    seed: int = 0,
    draws: int = 2000,
    level: float = 0.95,
) -> Interval:
    """The statistic of all units, and the percentile interval over resampled ones.

    Efron, "Bootstrap methods: another look at the jackknife" (1979). ``statistic`` is given
    (units,) indices. A unit is what is independent: a film, a prompt, a recording, and never a
    sound of which several share one. Draws whose statistic is not a number are left out.
    """
    value = float(statistic(np.arange(units))) if units else math.nan
    if units < 2:
        return Interval(value, None, None, units)
    rng = np.random.default_rng(seed)
    drawn = np.array([statistic(rng.integers(0, units, units)) for _ in range(draws)])
    drawn = drawn[np.isfinite(drawn)]
    if not len(drawn):
        return Interval(value, None, None, units)
    low, high = np.percentile(drawn, [50 * (1 - level), 50 * (1 + level)])
    return Interval(value, float(low), float(high), units)


def of_mean(values: Sequence[float], seed: int = 0) -> Interval:
    """The mean of one value a unit."""
    array = np.asarray(values, dtype=np.float64)
    return bootstrap(len(array), lambda chosen: float(array[chosen].mean()), seed=seed)


def of_median(values: Sequence[float], seed: int = 0) -> Interval:
    """The median of one value a unit."""
    array = np.asarray(values, dtype=np.float64)
    return bootstrap(len(array), lambda chosen: float(np.median(array[chosen])), seed=seed)


def of_ratio(over: Sequence[float], under: Sequence[float], seed: int = 0) -> Interval:
    """The ratio of two means over the same units; what belongs to one unit is drawn together."""
    top, bottom = (np.asarray(v, dtype=np.float64) for v in (over, under))
    if top.shape != bottom.shape:
        raise ValueError(f"{len(top)} values over {len(bottom)}")

    def ratio(chosen: Chosen) -> float:
        below = float(bottom[chosen].mean())
        return float(top[chosen].mean()) / below if below > 0 else math.nan

    return bootstrap(len(top), ratio, seed=seed)


def derangement(count: int, rng: np.random.Generator) -> list[int]:
    """A random permutation in which nothing stays in its place, by Sattolo's algorithm (1986).

    Raises ValueError for fewer than two things.
    """
    if count < 2:
        raise ValueError("one thing cannot be exchanged with another")
    order = list(range(count))
    for i in range(count - 1, 0, -1):
        j = int(rng.integers(0, i))
        order[i], order[j] = order[j], order[i]
    return order
