"""True peak: the largest value of the waveform between the samples as well as on them.

Recommendation ITU-R BS.1770-4, Annex 2: oversample by four at 48 kHz and take the largest
magnitude. Where a file begins or ends, the interpolator sees a step that no converter plays, so
that the oversampled signal is not read in the first and last few samples; the samples themselves
always are.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import inf, log10

import numpy as np
import soxr
from numpy.typing import NDArray

from vtacli.signal.media import Audio

OVERSAMPLING = 4
EDGE = 64
"""Samples at each end of the programme in which only the samples themselves are read."""


class TruePeakMeter:
    """Reads a programme block by block; memory does not grow with it."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._stream = soxr.ResampleStream(
            rate_hz, OVERSAMPLING * rate_hz, channels, dtype="float32", quality="HQ"
        )
        self._channels = channels
        self._skip = EDGE * OVERSAMPLING
        self._held: NDArray[np.float32] = np.zeros((0, channels), np.float32)
        self._peak = 0.0

    def add(self, data: NDArray[np.float32]) -> None:
        """The next samples, (C, N)."""
        if data.shape[1]:
            self._peak = max(self._peak, float(np.max(np.abs(data))))
            self._read(self._stream.resample_chunk(np.ascontiguousarray(data.T)))

    def beside(self, data: NDArray[np.float32]) -> None:
        """What is heard just before a programme that is part of a longer one, or just after,
        (C, :data:`EDGE`): it shapes what is between the samples and is not read itself."""
        if data.shape[1]:
            self._read(self._stream.resample_chunk(np.ascontiguousarray(data.T)))

    def peak(self) -> float:
        """End the programme and give its true peak, full scale being 1.0."""
        self._read(
            self._stream.resample_chunk(np.zeros((0, self._channels), np.float32), last=True)
        )
        return self._peak

    def _read(self, fine: NDArray[np.float32]) -> None:
        dropped = min(self._skip, len(fine))
        self._skip -= dropped
        fine = np.concatenate([self._held, fine[dropped:]])
        keep = EDGE * OVERSAMPLING
        self._held = fine[-keep:]
        if len(fine) > keep:
            self._peak = max(self._peak, float(np.max(np.abs(fine[:-keep]))))


def true_peak(blocks: Iterable[Audio]) -> float:
    """The true peak of a programme given in blocks; 0.0 for one that has no samples."""
    meter: TruePeakMeter | None = None
    for block in blocks:
        meter = meter or TruePeakMeter(block.rate_hz, block.channels)
        meter.add(block.data)
    return meter.peak() if meter else 0.0


def to_db(amplitude: float) -> float:
    """20 log10; minus infinity for silence."""
    return 20.0 * log10(amplitude) if amplitude > 0 else -inf


def from_db(level_db: float) -> float:
    """The amplitude of a level in dB; 0 for minus infinity."""
    return float(10.0 ** (level_db / 20.0))
