"""How far is a sound off its picture? DeSync, from what a classifier of offsets says.

As hkchengrex/av-benchmark computes it (Cheng et al., "MMAudio", CVPR 2025): the likeliest class of
the first 4.8 s and of the last, each one's offset without its sign, and the mean of them all.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

OFFSETS_S = np.round(np.linspace(-2.0, 2.0, 21), 1)
"""(21,) of the classes, in s."""


def likeliest_offsets(logits: Values) -> Values:
    """(B, 21) -> (B,) s; the first of equals."""
    return np.asarray(OFFSETS_S[np.argmax(logits, axis=-1)], np.float64)


def desync(offsets_s: Values) -> float:
    """The mean absolute offset, in s. NaN where there is none."""
    return float(np.mean(np.abs(offsets_s))) if len(offsets_s) else float("nan")
