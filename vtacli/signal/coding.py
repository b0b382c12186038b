"""Samples on the grid of the files that keep them: whole numbers of 24 bits.

What is kept is put on that grid before anybody hears it, so that what is read back is what was
heard. Sound beyond full scale does not fit: it is halved until it does (6.02 dB each time), and
how often is told. A power of two changes no digit, so nothing else is lost by it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 24
STEPS = 1 << (BITS - 1)


def halvings_of(peak: float) -> int:
    """How often a sound of this sample peak (full scale 1.0) is halved until it fits.

    Raises ValueError for what is no number.
    """
    if not np.isfinite(peak):
        raise ValueError("the sound has values that are no numbers")
    halvings = 0
    while round(peak * STEPS / 2**halvings) > STEPS - 1:
        halvings += 1
    return halvings


def whole_numbers(data: NDArray[np.float32], halvings: int) -> NDArray[np.int32]:
    """(C, N) float32 -> (C, N) whole numbers in [-2**23, 2**23), the nearest, ties to even."""
    scaled = data.astype(np.float64) * (STEPS / 2**halvings)
    return np.asarray(np.rint(scaled), np.int32)


def samples_of(whole: NDArray[np.int32], halvings: int) -> NDArray[np.float32]:
    """The samples that whole numbers mean, exactly: float32 holds 24 bits."""
    return np.asarray(whole.astype(np.float64) * (2**halvings / STEPS), np.float32)


def on_grid(data: NDArray[np.float32], halvings: int) -> NDArray[np.float32]:
    """(C, N) as it will be read back."""
    return samples_of(whole_numbers(data, halvings), halvings)
