"""Every error that vta raises on purpose, and the exit code that each one means.

::

    VtaError                     1   our bug, or anything that has no better name
     +-- ConfigError             2   bad flags, contradictory options, bad cue sheet or recipe
     +-- MediaError              3   input unreadable, no picture, zero length, unsupported
     +-- OutputError             4   would overwrite, unsafe path, output is the input
     +-- WeightsMissing          5   the model is absent, or the machine is offline
     +-- WeightsRefused          6   wrong hash, format, variant, or licence not accepted
     +-- DeviceError             7   no such device, or out of memory
     +-- StorageError            8   disk full, write failed
     +-- PartialError            9   a batch finished and some of its items failed
     +-- CheckFailed            10   a measurement or comparison says no
     +-- LockHeld               11   another process holds the session or the cache entry
     +-- ToolError              12   ffmpeg missing, too old, or failed

A message says what went wrong, with which file, and what to do next, in one or two
sentences. Library code raises; it never exits, prints or swallows.
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class VtaError(Exception):
    """Root of the tree.

    ``message`` is one sentence for a person; ``path`` the file concerned, when there is one;
    ``hint`` what to do next.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, path: Path | str | None = None, hint: str | None = None):
        super().__init__(message)
        self.message = message
        self.path = path
        self.hint = hint

    def __str__(self) -> str:
        where = f"{printable(self.path)}: " if self.path is not None else ""
        what = self.message if self.message.endswith((".", "!", "?")) else f"{self.message}."
        then = f" {self.hint}" if self.hint else ""
        return f"{where}{what}{then}"


class ConfigError(VtaError):
    """Bad flags, contradictory options, bad cue sheet or recipe."""

    exit_code = 2


class MediaError(VtaError):
    """The input is unreadable, has no picture, has no length, or is not supported."""

    exit_code = 3


class OutputError(VtaError):
    """The output would overwrite something, is unsafe, or is the input itself."""

    exit_code = 4


class WeightsMissing(VtaError):
    """The model is not on this machine."""

    exit_code = 5


class WeightsRefused(VtaError):
    """The weights are here but are not what they should be."""

    exit_code = 6


class DeviceError(VtaError):
    """No such device, or it ran out of memory."""

    exit_code = 7


class StorageError(VtaError):
    """The disk is full or a write failed."""

    exit_code = 8


class PartialError(VtaError):
    """Many items were asked for; some of them failed."""

    exit_code = 9


class CheckFailed(VtaError):
    """A measurement or a comparison was made, and it says no."""

    exit_code = 10


class LockHeld(VtaError):
    """Another process is at work on the same thing."""

    exit_code = 11


class ToolError(VtaError):
    """An outside program is missing, too old, or failed."""

    exit_code = 12


def printable(path: Path | str) -> str:
    """A path on one line: control characters and lone surrogates escaped, the rest kept."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode()
        for c in str(path)
    )
