"""Which take of a thing sounds at which blow: no two footsteps are the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vtacli.model.mini.draft import Bank
from vtacli.model.mini.series import series_of

MOST = 8
"""Takes of one thing that a scene uses."""
CELL_S = 0.25
"""A blow that is moved within a cell of this length keeps its take."""


def takes_of(bank: Bank, entry: int, pool: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those entries of ``pool`` that are takes of the same series as ``entry``, called the same;
    ``entry`` alone where the bank does not say of which files they are. Sorted."""
    if bank.file_of is None:
        return np.array([entry])
    same = pool[bank.label_of[pool] == bank.label_of[entry]]
    name = series_of(bank.files[int(bank.file_of[entry])])
    alike = [int(e) for e in same if series_of(bank.files[int(bank.file_of[e])]) == name]
    return np.unique([*alike, entry])


def some(takes: NDArray[np.int64], entry: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """At most :data:`MOST` of the takes, ``entry`` among them. Sorted."""
    if len(takes) <= MOST:
        return takes
    others = rng.choice(takes[takes != entry], MOST - 1, replace=False)
    return np.sort(np.append(others, entry))


def in_turn(takes: NDArray[np.int64], times_s: Sequence[float], seed: int) -> list[int]:
    """A take for each moment, never the same twice in a row where there are several.

    ``times_s``: of the scene, ascending. What sounds at a moment hangs on the moment, not on how
    many came before: windows of a scene agree about it where they overlap, and a blow that is
    written between two others leaves them as they are, but for one that would be its double.
    """
    chosen: list[int] = []
    for time_s in times_s:
        cell = int(time_s // CELL_S) + (1 << 20)  # a seed is no negative number
        order = np.random.default_rng([seed, cell]).permutation(takes)
        again = bool(chosen) and len(order) > 1 and int(order[0]) == chosen[-1]
        chosen.append(int(order[1 if again else 0]))
    return chosen
