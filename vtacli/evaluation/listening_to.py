"""What a listener is given and gives back, for every listener."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import soxr
from numpy.typing import NDArray

from vtacli.signal.media import Audio
from vtacli.signal.stretches import sounding

__all__ = ["Listened", "SetListener", "mono_at", "sounding"]


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
