"""How loud a clip is, and how much of it is silent."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np

from vtacli.signal.loudness import to_db
from vtacli.signal.media import Audio
from vtacli.signal.onsets import envelope
from vtacli.signal.programme import LoudnessMeter
from vtacli.signal.stretches import SILENT_DBFS

__all__ = ["SILENT_DBFS", "Levels", "levels_of"]


@dataclass(frozen=True)
class Levels:
    """``loudness_lufs``: integrated, BS.1770; minus infinity for silence and for what is shorter
    than 0.4 s. ``rms_dbfs``, ``true_peak_dbtp``: of the whole. ``silent_share``: of its 10 ms
    steps, those whose RMS is under :data:`SILENT_DBFS`."""

    loudness_lufs: float
    rms_dbfs: float
    true_peak_dbtp: float
    silent_share: float

    def to_dict(self) -> dict[str, Any]:
        """For JSON, which has no infinity: None there."""
        return {k: round(v, 3) if isfinite(v) else None for k, v in asdict(self).items()}


def levels_of(sound: Audio) -> Levels:
    """Levels of a sound; channels count as a layout of that many does, and as their mean for RMS
    and silence."""
    meter = LoudnessMeter(sound.rate_hz, sound.channels)
    meter.add(sound.data)
    loudness = meter.result()
    wave = sound.data.mean(axis=0)
    steps = envelope(wave, sound.rate_hz)
    rms = float(np.sqrt(np.mean(wave.astype(np.float64) ** 2))) if len(wave) else 0.0
    threshold = 10 ** (SILENT_DBFS / 20)
    return Levels(
        loudness_lufs=loudness.integrated_lufs,
        rms_dbfs=to_db(rms),
        true_peak_dbtp=loudness.true_peak_dbtp,
        silent_share=float(np.mean(steps < threshold)) if len(steps) else 1.0,
    )
