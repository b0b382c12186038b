"""Which recordings of the bank make the draft, and where they are laid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import find_peaks

from vtacli.model.mini.draft import BED, HIT, PASSAGE, Bank, Placement
from vtacli.signal.control import CURVE_HZ

LIKE_ENOUGH = 0.3
"""Cosine under which a label is not what was said."""
NEAR_THE_BEST = 0.08
"""Labels this close to the best one share the choice, and differ from seed to seed."""
BED_ALLOWANCE = 0.12
"""A bed is laid under hits when its label is at most this much worse than the best label."""
SURE_ENOUGH = 0.15
"""A doubtful guess is a short vector: under this length there is nothing to draft."""
STRIKES = 0.3
"""An onset of the picture counts as a strike from this share of the window's strongest."""


def strikes_of_onsets(onset: NDArray[np.float32]) -> list[tuple[float, float]]:
    """(time in s, strength) of the peaks of an onset curve at 100 Hz. (frames,)"""
    peaks, _ = find_peaks(np.pad(onset, 1), height=STRIKES, distance=9, prominence=0.15)
    return [((int(p) - 1) / CURVE_HZ, float(min(1.0, onset[p - 1]))) for p in peaks]


def _best(
    likeness: NDArray[np.float32], bank: Bank, kind: int, rng: np.random.Generator
) -> tuple[float, int] | None:
    """(cosine, entry) of a recording of ``kind`` whose label is nearest to what was said."""
    entries = np.flatnonzero(bank.kinds == kind)
    if not len(entries):
        return None
    scores = likeness[bank.label_of[entries]]
    best = float(scores.max())
    if best < LIKE_ENOUGH:
        return None
    near = entries[scores >= best - NEAR_THE_BEST * best]
    weights = np.exp((likeness[bank.label_of[near]] - best) * 30)
    return best, int(rng.choice(near, p=weights / weights.sum()))


def choose(
    bank: Bank,
    label_vectors: NDArray[np.float32],
    said: NDArray[np.float32],
    strikes: Sequence[tuple[float, float]],
    window_s: float,
    rng: np.random.Generator,
) -> list[Placement]:
    """Placements for what was said (D,) and the moments that must sound.

    ``label_vectors``: (labels, D) unit rows. Empty where nothing in the bank is like it.
    """
    length = float(np.linalg.norm(said))
    if length < SURE_ENOUGH:
        return []
    likeness = label_vectors @ (said / length)
    # All three are drawn whatever is used, so that one more strike does not change the timbre.
    hit, bed, passage = (_best(likeness, bank, kind, rng) for kind in (HIT, BED, PASSAGE))
    found = [f[0] for f in (hit, bed, passage) if f is not None]
    if not found:
        return []
    best = max(found)
    placements = []
    if bed is not None and bed[0] >= best - (BED_ALLOWANCE if strikes else 2 * BED_ALLOWANCE):
        placements.append(Placement(bed[1], 0.0, window_s))
    if strikes:
        if hit is not None and hit[0] >= best - 2 * BED_ALLOWANCE:
            times = [t for t, _ in strikes] + [window_s]
            placements += [Placement(hit[1], t, times[i + 1]) for i, t in enumerate(times[:-1])]
        elif passage is not None:
            until = min(window_s, strikes[-1][0] + 1.0)
            placements.append(Placement(passage[1], strikes[0][0], until))
    elif not placements and passage is not None:
        placements.append(Placement(passage[1], 0.2, window_s))
    elif not placements and hit is not None:
        placements.append(Placement(hit[1], 0.5, window_s))
    return placements
