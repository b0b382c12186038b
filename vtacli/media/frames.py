"""Sampled pictures on disk: written once while a film is decoded, read back by span.

Plain reads and writes at offsets, never a memory map: what was read does not stay in memory.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from bisect import bisect_left
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vtacli.errors import StorageError
from vtacli.signal.media import Frames
from vtacli.timeline import Span


class FrameStore:
    """Square pictures (3, S, S) uint8, sampled at k / ``frames_per_second``.

    The file has no name, so nothing is left behind however the program ends; it lies in
    ``folder`` (default: the system's temporary folder). Raises StorageError when the disk is
    full.
    """

    def __init__(
        self, frame_size_px: int, frames_per_second: Fraction, folder: Path | None = None
    ) -> None:
        self.frame_size_px = frame_size_px
        self.frames_per_second = frames_per_second
        self._bytes = 3 * frame_size_px * frame_size_px
        self._file = tempfile.TemporaryFile(  # noqa: SIM115 - open as long as the store
            dir=folder, prefix=".vta-frames-"
        )
        self._slots = 0
        self._grid: array[int] = array("q")
        self._extra: list[tuple[Fraction, int]] = []

    def __len__(self) -> int:
        """How many sampling times there are."""
        return len(self._grid)

    @property
    def next_time_s(self) -> Fraction:
        """The sampling time that :meth:`sample` is waiting for."""
        return len(self._grid) / self.frames_per_second

    def write(self, picture: NDArray[np.uint8]) -> int:
        """Store a picture (3, S, S) and return its slot."""
        data = memoryview(np.ascontiguousarray(picture).data).cast("B")
        if len(data) != self._bytes:
            raise ValueError(f"pictures are (3, S, S), S {self.frame_size_px}, got {picture.shape}")
        offset = self._slots * self._bytes
        try:
            while data:
                written = os.pwrite(self._file.fileno(), data, offset)
                data, offset = data[written:], offset + written
        except OSError as error:
            raise StorageError(
                "The sampled pictures could not be written to the temporary folder.",
                hint="Free some space, or set TMPDIR to another disk.",
            ) from error
        self._slots += 1
        return self._slots - 1

    def sample(self, slot: int) -> None:
        """The picture in ``slot`` is what is shown at :attr:`next_time_s`."""
        self._grid.append(slot)

    def sample_at(self, time_s: Fraction, slot: int) -> None:
        """A picture beside the grid, used for spans in which no sampling time lies."""
        self._extra.append((time_s, slot))

    def between(self, span: Span) -> Frames:
        """The pictures sampled in the half-open span, with times counted from its start.

        A span so short that no sampling time lies in it gets the picture stored beside the grid
        for it, or else the one nearest in time. Never empty while the store is not.
        """
        first = _ceil(span.start_s * self.frames_per_second)
        last = min(_ceil(span.end_s * self.frames_per_second), len(self._grid))
        if first < last:
            times = [k / self.frames_per_second for k in range(first, last)]
            slots = list(self._grid[first:last])
        else:
            times, slots = self._beside_the_grid(span)
        size = self.frame_size_px
        data = np.empty((len(slots), 3, size, size), np.uint8)
        for row, slot in zip(data, slots, strict=True):
            self._read(slot, row)
        since = np.array([max(0.0, float(t - span.start_s)) for t in times], np.float64)
        return Frames(data, since)

    def close(self) -> None:
        """Give the disk space back. The store cannot be read afterwards."""
        self._file.close()

    def __enter__(self) -> FrameStore:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _beside_the_grid(self, span: Span) -> tuple[list[Fraction], list[int]]:
        extra = sorted(self._extra)
        at = bisect_left(extra, (span.start_s, -1))
        inside = [e for e in extra[at : at + 1] if span.contains(e[0])]
        grid = min(_ceil(span.start_s * self.frames_per_second), len(self._grid) - 1)
        near = [
            (k / self.frames_per_second, self._grid[k])
            for k in (grid - 1, grid)
            if 0 <= k < len(self._grid)
        ]
        if not inside and not near:
            return [], []
        middle = (span.start_s + span.end_s) / 2
        time_s, slot = (inside or sorted(near, key=lambda e: abs(e[0] - middle)))[0]
        return [time_s], [slot]

    def _read(self, slot: int, into: NDArray[np.uint8]) -> None:
        view, offset = memoryview(into.data).cast("B"), slot * self._bytes
        while view:
            count = os.preadv(self._file.fileno(), [view], offset)
            if not count:
                raise StorageError("The sampled pictures on disk are shorter than they were.")
            view, offset = view[count:], offset + count


def _ceil(x: Fraction) -> int:
    return -(-x.numerator // x.denominator)
