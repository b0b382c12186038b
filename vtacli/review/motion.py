"""The picture's motion over time as drawings: a hill for energy, lines for what strikes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from vtacli.signal.media import Curve

HIGH = 100
CLEAR_STRIKE = 0.5
"""A likelihood from which something is more likely a strike than not."""


@dataclass(frozen=True)
class MotionDrawing:
    """``hill``: an SVG path, ``columns`` units wide and :data:`HIGH` high. ``strikes``: where
    something strikes in the picture, as (share of the film's length, likelihood). ``top``: the
    energy that reaches the top, mean change of luma in 1/25 s, 1 being black to white."""

    hill: str
    columns: int
    strikes: tuple[tuple[float, float], ...]
    top: float


def draw_motion(curve: Curve, duration_s: Fraction, columns: int) -> MotionDrawing:
    """The greatest energy in each column, and every strike that is likelier than not.

    ``curve``: (T, 2), as :mod:`vtacli.signal.motion` makes it.
    """
    total = float(duration_s)
    energy = np.zeros(columns, np.float32)
    place = np.clip((curve.times_s / total * columns).astype(np.int64), 0, columns - 1)
    np.maximum.at(energy, place, curve.values[:, 0])
    _fill_gaps(energy, place)
    top = max(float(energy.max(initial=0.0)), 1e-3)
    points = [f"{x} {HIGH * (1 - e / top):.4g}" for x, e in enumerate(energy)]
    hill = f"M0 {HIGH}L" + "L".join(points) + f"L{columns} {HIGH}Z"
    strikes = tuple(
        (round(float(t) / total, 6), round(float(onset), 3))
        for t, onset in zip(curve.times_s, curve.values[:, 1], strict=True)
        if onset >= CLEAR_STRIKE
    )
    return MotionDrawing(hill, columns, strikes, top)


def _fill_gaps(energy: np.ndarray, place: np.ndarray) -> None:
    """Columns between two pictures hold what the picture before them has."""
    seen = np.zeros(len(energy), bool)
    seen[place] = True
    last = np.maximum.accumulate(np.where(seen, np.arange(len(energy)), 0))
    energy[:] = energy[last]
