"""Sound on disk between two passes: a whole film's track, in memory never more than a block."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from vtacli.errors import OutputError, StorageError
from vtacli.signal.media import Audio

BLOCK = 1 << 16
"""Samples read at once: 1.4 s at 48 kHz."""


def check_writable(folder: Path) -> None:
    """Raise OutputError where no file can be made in ``folder``; permissions do not tell all."""
    try:
        tempfile.TemporaryFile(dir=folder, prefix=".vta-").close()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"The folder cannot be written to: {reason}.", path=folder) from error


class SoundSpool:
    """Float32 samples of one track, written once, read as often as needed.

    The file has no name, so nothing is left behind however the program ends. Raises
    StorageError when the disk is full.
    """

    def __init__(self, rate_hz: int, folder: Path | None = None) -> None:
        self.rate_hz = rate_hz
        self.channels = 0
        # It lives as long as this object, which is the context manager.
        self._file = tempfile.TemporaryFile(dir=folder, prefix=".vta-sound-")  # noqa: SIM115
        self._samples = 0

    def __len__(self) -> int:
        return self._samples

    def append(self, audio: Audio) -> None:
        """The next samples, (C, N). C and the rate are the same in every call."""
        self.channels = self.channels or audio.channels
        if (audio.channels, audio.rate_hz) != (self.channels, self.rate_hz):
            raise ValueError(
                f"the track is {self.channels} channels at {self.rate_hz} Hz, "
                f"the block {audio.channels} at {audio.rate_hz} Hz"
            )
        data = memoryview(np.asarray(audio.data.T, "<f4").tobytes())
        at = self._samples * self.channels * 4
        try:
            while data:
                written = os.pwrite(self._file.fileno(), data, at)
                data, at = data[written:], at + written
        except OSError as error:
            raise StorageError(
                "The generated sound could not be written to the disk.",
                hint="Free some space in the output's folder.",
            ) from error
        self._samples += len(audio)

    def blocks(self) -> Iterator[Audio]:
        """The track from its start, in blocks of :data:`BLOCK` samples."""
        for start in range(0, self._samples, BLOCK):
            yield self.read(start, min(start + BLOCK, self._samples))

    def read(self, start: int, stop: int) -> Audio:
        """Samples start .. stop, (C, stop - start)."""
        width = 4 * self.channels
        data = os.pread(self._file.fileno(), (stop - start) * width, start * width)
        if len(data) != (stop - start) * width:
            raise StorageError("The generated sound on disk is shorter than it was.")
        frames = np.frombuffer(data, "<f4").reshape(-1, self.channels)
        return Audio(np.ascontiguousarray(frames.T), self.rate_hz)

    def close(self) -> None:
        """Give the disk space back."""
        self._file.close()

    def __enter__(self) -> SoundSpool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
