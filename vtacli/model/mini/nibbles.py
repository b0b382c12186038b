"""Numbers of four bits, two in a byte: sixteen levels, the odd numbers from -15 to 15."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST = 15
"""The outermost level."""
STEPS = np.geomspace(0.02, 0.6, 60)
"""Half widths of a level, in deviations, among which the best is looked for."""


def fits(values: NDArray[np.int8]) -> NDArray[np.bool_]:
    """(C,) Which columns of (N, C) hold nothing but such levels."""
    odd = (values & 1).astype(bool).all(axis=0)
    return np.asarray(odd & (values >= -MOST).all(axis=0) & (values <= MOST).all(axis=0))


def levels(values: NDArray[np.float32], scale: float) -> NDArray[np.int8]:
    """The nearest level of each value, in units of ``scale``."""
    nearest = 2 * np.floor(values / (2 * scale)) + 1
    return np.asarray(nearest.clip(-MOST, MOST), np.int8)


def best_scale(values: NDArray[np.float32]) -> float:
    """The unit in which levels are nearest to ``values`` (N,), by their squares."""
    deviation = max(float(values.std()), 1e-6)
    scales = STEPS * deviation
    errors = [np.square(levels(values, s) * s - values).mean() for s in scales]
    return float(scales[int(np.argmin(errors))])


def packed(values: NDArray[np.int8]) -> NDArray[np.uint8]:
    """(N, C) levels, C even -> (N, C / 2), the even columns in the lower half of a byte."""
    numbers = ((values.astype(np.int16) + MOST) // 2).astype(np.uint8)
    return np.ascontiguousarray(numbers[:, ::2] | numbers[:, 1::2] << 4)


def unpacked(held: NDArray[np.uint8]) -> NDArray[np.int8]:
    """What :func:`packed` took."""
    numbers = np.empty((len(held), 2 * held.shape[1]), np.int16)
    numbers[:, ::2], numbers[:, 1::2] = held & 15, held >> 4
    return np.asarray(2 * numbers - MOST, np.int8)
