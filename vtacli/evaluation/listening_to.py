"""What a listener is given and gives back, for every listener."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from vtacli.evaluation.metrics.levels import SILENT_DBFS
from vtacli.signal.media import Audio


@dataclass(frozen=True)
class Listened:
    """``embeddings``: (P, D) float32, a row a stretch of sound that is not silent, and so none for
    silence. ``classes``: (Q, C) float32, a distribution a stretch; None where the listener knows
    no classes."""

    embeddings: NDArray[np.float32]
    classes: NDArray[np.float32] | None


class SetListener(Protocol):
    """``about``: what it is, for the table."""

    name: str
    about: str

    def listen(self, sound: Audio) -> Listened:
        """One sound of any rate, length and number of channels."""
        ...


def mono_at(sound: Audio, rate_hz: int) -> NDArray[np.float32]:
    """(N,) the mean of a sound's channels at another rate."""
    wave = np.asarray(sound.data.mean(axis=0), np.float32)
    if sound.rate_hz != rate_hz and len(wave):
        wave = np.asarray(soxr.resample(wave, sound.rate_hz, rate_hz), np.float32)
    return wave


def sounding(wave: NDArray[np.float32], step: int, length: int, count: int) -> NDArray[np.bool_]:
    """(count,) which stretches of ``length`` samples, a step apart, are not silent."""
    power = [
        float(np.mean(part.astype(np.float64) ** 2)) if len(part) else 0.0
        for part in (wave[i * step : i * step + length] for i in range(count))
    ]
    return np.array(power) >= 10 ** (SILENT_DBFS / 10)
