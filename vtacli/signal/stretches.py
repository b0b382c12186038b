"""A sound in stretches, and which of them are silent: for networks that listen."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SILENT_DBFS = -60.0
"""RMS under which a stretch is silence."""


def windows_of(wave: NDArray[np.float32], samples: int) -> list[NDArray[np.float32]]:
    """A sound in windows of so many samples, the last one shorter; one at least."""
    return [wave[i : i + samples] for i in range(0, max(1, len(wave)), samples)]


def sounding(wave: NDArray[np.float32], step: int, length: int, count: int) -> NDArray[np.bool_]:
    """(count,) which stretches of ``length`` samples, a step apart, are not silent."""
    power = [
        float(np.mean(part.astype(np.float64) ** 2)) if len(part) else 0.0
        for part in (wave[i * step : i * step + length] for i in range(count))
    ]
    return np.array(power) >= 10 ** (SILENT_DBFS / 10)
