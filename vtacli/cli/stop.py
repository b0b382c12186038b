"""Ctrl-C and SIGTERM as one exception, raised once, so that clean-up is not interrupted."""

from __future__ import annotations

import signal
from types import FrameType
from typing import Any


class Stopped(BaseException):
    """The person, or the system, asked to stop. Not an Exception: nothing may swallow it."""


class StopSignals:
    """A context in which the first SIGINT or SIGTERM raises :class:`Stopped`; later ones wait for
    the clean-up that the first began."""

    def __init__(self) -> None:
        self.signum: int | None = None
        self._before: dict[int, Any] = {}

    @property
    def exit_code(self) -> int:
        """128 plus the signal's number, as shells have it: 130 or 143."""
        return 128 + (self.signum or signal.SIGINT)

    def check(self) -> None:
        """Raise again. A signal that arrives inside a destructor or a C callback is raised where
        nobody sees it; whoever reports progress asks here."""
        if self.signum is not None:
            raise Stopped

    def __enter__(self) -> StopSignals:
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._caught)
        return self

    def __exit__(self, *_: object) -> None:
        if self.signum is not None:
            # On the way out a second signal must not change the code of the first. The interpreter
            # puts the default back in place of a handler before it ends, but leaves an ignored
            # signal ignored.
            for number in self._before:
                signal.signal(number, signal.SIG_IGN)
            return
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _caught(self, signum: int, frame: FrameType | None) -> None:
        first = self.signum is None
        self.signum = self.signum or signum
        if first:
            raise Stopped
