"""Float samples as the bytes of a sound file: rounded, dithered, and counted where they clip."""

from __future__ import annotations

from math import ceil

import numpy as np
from numpy.typing import NDArray

from vtacli.errors import CheckFailed
from vtacli.signal.loudness import to_db

BITS = ("16", "24", "32f")
"""Whole numbers of 16 or 24 bits, or 32-bit floats."""


class SampleWriter:
    """Turns blocks of (C, N) float32 into interleaved little-endian bytes.

    ``bits``: one of :data:`BITS`. Full scale is 1.0, and the whole numbers are the floats times
    2**15 or 2**23, so that reading back and dividing gives exactly what was rounded. 16 bits have
    dither: triangular, two steps wide, the same for the same ``seed`` however the blocks are cut;
    24 bits need none, the step being under the noise of any converter.

    Values beyond full scale do not fit in whole numbers. They are counted, and :meth:`check`
    refuses them. A value of exactly 1.0 is one step too large and loses that step.
    """

    def __init__(self, bits: str, channels: int, seed: int = 0) -> None:
        if bits not in BITS:
            raise ValueError(f"bits is one of {', '.join(BITS)}, got {bits!r}")
        self.bits = bits
        self.frame_bytes = channels * {"16": 2, "24": 3, "32f": 4}[bits]
        self.over = 0
        self.peak = 0.0
        self._noise = np.random.default_rng(seed)

    def bytes_of(self, data: NDArray[np.float32]) -> bytes:
        """The next samples. Raises ValueError for what is no number."""
        if not data.shape[1]:
            return b""
        largest = float(np.abs(data).max())
        if not np.isfinite(largest):
            raise ValueError("the sound has values that are no numbers")
        self.peak = max(self.peak, largest)
        if self.bits == "32f":
            return np.ascontiguousarray(data.T, "<f4").tobytes()
        if largest > 1.0:
            self.over += int(np.count_nonzero(np.abs(data) > 1.0))
        steps = 1 << (int(self.bits) - 1)
        scaled = np.ascontiguousarray(data.T, np.float64) * steps
        if self.bits == "16":
            pairs = self._noise.random((*scaled.shape, 2))
            scaled += pairs[..., 0] - pairs[..., 1]
        whole = np.clip(np.rint(scaled), -steps, steps - 1).astype("<i4")
        if self.bits == "16":
            return whole.astype("<i2").tobytes()
        return np.ascontiguousarray(whole.view(np.uint8).reshape(-1, 4)[:, :3]).tobytes()

    def check(self) -> None:
        """Raise CheckFailed where values did not fit."""
        if self.over:
            above = ceil(to_db(self.peak) * 100) / 100
            some = "1 sample is" if self.over == 1 else f"{self.over} samples are"
            raise CheckFailed(
                f"{some} beyond full scale, by up to {above:.2f} dB, and would clip in "
                f"{self.bits} bits; nothing was written",
                hint=f"Lower the level by {above:.2f} dB, or write 32f.",
            )
