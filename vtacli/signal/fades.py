"""Fade curves, sampled at the middle of each sample so that they are symmetric.

Independent sounds add in power: a linear cross-fade of them dips by 3.0 dB in the middle, an
equal-power one is flat. Sounds that are the same add in amplitude, and it is the other way round.
So generated windows meet with equal power, and linear fades are for material that is correlated.
"""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

Gains = NDArray[np.float64]


class FadeShape(Enum):
    """How two neighbouring windows share the time in which they overlap.

    The value is the exponent at which the gains of both add up to 1.
    """

    LINEAR = 1
    EQUAL_POWER = 2

    def rise(self, length: int) -> Gains:
        """(length,) gains from 0 to 1; the fall beside it is this, reversed."""
        phase = (np.arange(length) + 0.5) / max(length, 1)
        return phase if self is FadeShape.LINEAR else np.sin(0.5 * np.pi * phase)

    def fall(self, length: int) -> Gains:
        """(length,) gains from 1 to 0."""
        return self.rise(length)[::-1]

    def shares(self, gains: Gains) -> Gains:
        """What these gains contribute to a sum that must be 1 everywhere."""
        return gains**self.value


def declick(length: int) -> Gains:
    """(length,) a raised-cosine rise, whose slope is zero at both ends."""
    return 0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / max(length, 1))
