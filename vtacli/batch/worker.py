"""A process that decodes and muxes, as :class:`vtacli.batch.local.Worker` starts it.

It asks the process that started it for sound over a socket, and so never imports torch unless
speech has to be found. A film that brings a decoder down takes this process with it and no more.
Whoever holds the other end may send: films, the steps and sounds that were asked for, or nothing
any more, which ends this process.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vtacli.batch.values import ModelFacts, Progress
from vtacli.batch.work import WorkerLost, make_film
from vtacli.errors import VtaError
from vtacli.model.contract import OnStep, Sampling, WindowContent
from vtacli.progress import Event
from vtacli.signal.media import Audio


@dataclass(frozen=True)
class Generate:
    """A question: sound for these windows. Answered by any number of (done, steps), then by sounds
    or by an error."""

    windows: Sequence[WindowContent]
    sampling: Sampling


@dataclass(frozen=True)
class Hear:
    """A question: what this sounds like."""

    sound: Audio


class Line:
    """The service at the other end of a connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def send(self, message: Any) -> None:
        """Raises WorkerLost where nobody listens."""
        try:
            self._connection.send(message)
        except OSError as error:
            raise WorkerLost from error

    def receive(self) -> Any:
        """Raises WorkerLost where nobody speaks."""
        try:
            return self._connection.recv()
        except (EOFError, OSError) as error:
            raise WorkerLost from error

    def generate(
        self, windows: Sequence[WindowContent], sampling: Sampling, on_step: OnStep | None
    ) -> list[Audio]:
        self.send(Generate(windows, sampling))
        while isinstance(answer := self.receive(), tuple):
            if on_step is not None:
                on_step(*answer)
        return self._checked(answer)  # type: ignore[no-any-return]

    def hear(self, sound: Audio) -> NDArray[np.float32]:
        self.send(Hear(sound))
        return self._checked(self.receive())  # type: ignore[no-any-return]

    def _checked(self, answer: Any) -> Any:
        if isinstance(answer, VtaError):
            raise answer
        return answer


def work(connection: Connection) -> None:
    """Films, one after the other, until there are no more."""
    line = Line(connection)
    facts: ModelFacts = line.receive()
    while (task := line.receive()) is not None:
        number = task.number

        def report(event: Event, number: int = number) -> None:
            line.send(Progress(number, event))

        line.send(make_film(task, facts, line, report))


def main() -> int:
    # Ctrl-C is for whoever leads; SIGTERM unwinds, so that ffmpeg is not left behind
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, _end)
    try:
        work(Connection(int(sys.argv[1])))
    except WorkerLost:
        return 1
    return 0


def _end(signum: int, frame: FrameType | None) -> None:
    raise WorkerLost
