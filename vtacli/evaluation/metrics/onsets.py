"""Do onsets fall where they should? Counted as MIREX and mir_eval do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import maximum_bipartite_matching

TOLERANCE_S = 0.08
"""How far an onset may be from a hit: this program's own, wider than mir_eval's 0.05 s, since a
picture of 12 frames a second tells no more."""


@dataclass(frozen=True)
class OnsetCounts:
    """``found``: hits with an onset of their own. ``false``: onsets without, ``missed``: hits
    without."""

    found: int
    false: int
    missed: int

    @property
    def precision(self) -> float:
        """NaN where nothing was heard."""
        return _share(self.found, self.found + self.false)

    @property
    def recall(self) -> float:
        """NaN where there was nothing to find."""
        return _share(self.found, self.found + self.missed)

    @property
    def f1(self) -> float:
        """NaN where there was nothing to find and nothing was heard."""
        return _share(2 * self.found, 2 * self.found + self.false + self.missed)

    def __add__(self, other: OnsetCounts) -> OnsetCounts:
        return OnsetCounts(
            self.found + other.found, self.false + other.false, self.missed + other.missed
        )


def match_onsets(
    heard_s: Sequence[float], true_s: Sequence[float], tolerance_s: float = TOLERANCE_S
) -> OnsetCounts:
    """The largest one-to-one matching of onsets to hits that are at most ``tolerance_s`` apart.

    As ``mir_eval.onset.f_measure`` (Raffel et al., ISMIR 2014) counts, whose default tolerance is
    0.05 s. Raises ValueError where the tolerance is negative.
    """
    if tolerance_s < 0:
        raise ValueError(f"a tolerance is not negative, got {tolerance_s}")
    heard, true = np.asarray(heard_s, np.float64), np.asarray(true_s, np.float64)
    found = 0
    if len(heard) and len(true):
        near = np.abs(heard[:, None] - true) <= tolerance_s
        found = int((maximum_bipartite_matching(csr_matrix(near)) >= 0).sum())
    return OnsetCounts(found, len(heard) - found, len(true) - found)


def pooled(counts: Iterable[OnsetCounts]) -> OnsetCounts:
    """The counts of several clips together."""
    return sum(counts, OnsetCounts(0, 0, 0))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")
