"""What the bank knows of a word: whether recordings of such a thing are even, or events."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vtacli.model.mini.draft import BED, HIT, PASSAGE, Bank

NEAR = 0.08
"""Labels whose cosine is at most this share below the best one's count as what was said."""


def whole_recordings(bank: Bank) -> NDArray[np.bool_]:
    """(R,) Which entries are recordings, and not single blows cut from a passage."""
    passages = np.flatnonzero(bank.kinds == PASSAGE)
    order = passages[np.argsort(bank.starts[passages])]
    starts, ends = bank.starts[order], bank.ends[order]
    before = np.searchsorted(starts, bank.starts, side="right") - 1
    inside = np.zeros(len(bank), bool)
    if len(order):
        inside = (before >= 0) & (bank.ends <= ends[before])
    whole: NDArray[np.bool_] = ~(inside & (bank.kinds == HIT))
    return whole


def bed_share(bank: Bank, label_vectors: NDArray[np.float32], said: NDArray[np.float32]) -> float:
    """The share of even recordings among those whose label is nearest to what was said, in [0, 1].

    ``label_vectors``: (labels, D) unit rows; ``said``: (D,). A recording of many blows counts
    once, however many of them the bank holds apart.
    """
    length = float(np.linalg.norm(said))
    if not length or not len(bank):
        return 0.0
    likeness = (label_vectors @ (said / length))[bank.label_of]
    near = (likeness >= likeness.max() * (1 - NEAR)) & whole_recordings(bank)
    return float(np.mean(bank.kinds[near] == BED)) if near.any() else 0.0
