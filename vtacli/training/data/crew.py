"""Processes that share out jobs, and outlive one of them dying.

A decoder may crash on a damaged file and take its process with it. Each process has a pipe of its
own, so it is known what it was at: the job is given to another once more, and the item that a
second process dies of is left out. Nothing is left running when the parent goes: a child that
cannot speak to it ends.
"""

from __future__ import annotations

import multiprocessing
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any, Protocol

from vtacli.errors import VtaError

Tell = Callable[[str], None]
"""Called with the name of the item that is begun."""


class Worker(Protocol):
    """Does one job. ``fatal``: items that are known to kill a process, with how it died; they are
    to be left out and told as failures."""

    def __call__(self, job: Any, fatal: dict[str, str], tell: Tell, /) -> Any: ...


class SetUp(Protocol):
    """Opens what a process needs, once. It travels to the process, so it is a plain value."""

    def __call__(self) -> Worker: ...


@dataclass
class _Hand:
    process: Any
    pipe: Connection
    job: int | None = None
    item: str = ""


@dataclass(frozen=True)
class Begun:
    """A process has begun an item."""

    item: str


@dataclass(frozen=True)
class Done:
    """A job is done: its number, and what came of it."""

    job: int
    result: Any


def work_through(set_up: SetUp, jobs: Sequence[Any], workers: int) -> Iterator[Begun | Done]:
    """Do all jobs in ``workers`` processes, and say what happens as it does.

    Jobs end in any order. ``workers`` of 0: in this process, where nothing catches a crash.
    An error that a worker raises is raised here, and the others are stopped; leaving the iterator
    early stops them too.
    """
    if not jobs:
        return
    if workers == 0:
        yield from _alone(set_up, jobs)
        return
    crew = _Crew(set_up, jobs, min(workers, len(jobs)))
    try:
        yield from crew.run()
    finally:
        crew.stop()


def _alone(set_up: SetUp, jobs: Sequence[Any]) -> Iterator[Begun | Done]:
    worker = set_up()
    for number, job in enumerate(jobs):
        begun: list[str] = []
        result = worker(job, {}, begun.append)
        yield from map(Begun, begun)
        yield Done(number, result)


class _Crew:
    def __init__(self, set_up: SetUp, jobs: Sequence[Any], size: int) -> None:
        # A fresh interpreter: threads and devices of this one do not survive a fork.
        self._context = multiprocessing.get_context("spawn")
        self._set_up, self._jobs = set_up, jobs
        self._open = list(range(len(jobs)))[::-1]
        self._died_once: dict[int, set[str]] = {}
        self._fatal: dict[int, dict[str, str]] = {}
        self._never_ready = 0
        self._hands: list[_Hand] = []
        for _ in range(size):
            self._hands.append(self._hire())

    def run(self) -> Iterator[Begun | Done]:
        left = len(self._jobs)
        while left:
            for pipe in wait([hand.pipe for hand in self._hands]):
                hand = next(h for h in self._hands if h.pipe is pipe)
                try:
                    kind, value = hand.pipe.recv()
                except (EOFError, OSError):
                    self._replace(hand)
                    continue
                if kind == "error":
                    raise value
                if kind == "at":
                    hand.item = value
                    yield Begun(value)
                    continue
                if kind == "done":
                    left -= 1
                    job, hand.job, hand.item = hand.job, None, ""
                    assert job is not None
                    self._give(hand)
                    yield Done(job, value)
                else:
                    self._never_ready = 0
                    self._give(hand)

    def stop(self) -> None:
        for hand in self._hands:
            hand.process.terminate()
        for hand in self._hands:
            hand.process.join(5)
            if hand.process.is_alive():
                hand.process.kill()
                hand.process.join()
            hand.pipe.close()

    def _hire(self) -> _Hand:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_serve, args=(self._set_up, theirs), name="vta-data", daemon=True
        )
        process.start()
        theirs.close()
        return _Hand(process, ours)

    def _give(self, hand: _Hand) -> None:
        if not self._open:
            return
        hand.job, hand.item = self._open.pop(), ""
        with suppress(OSError):  # it has died meanwhile: its pipe tells, and the job is given again
            hand.pipe.send((self._jobs[hand.job], self._fatal.get(hand.job, {})))

    def _replace(self, hand: _Hand) -> None:
        """A process is gone: somebody else does its job, without what killed two of them."""
        hand.process.join()
        hand.pipe.close()
        how = _how(hand.process.exitcode)
        if hand.job is None:
            self._never_ready += 1
            if self._never_ready > 2:
                raise VtaError(
                    f"The processes end before they begin: {how}",
                    hint="Try --workers 0, which shows why.",
                )
        else:
            died = self._died_once.setdefault(hand.job, set())
            if hand.item in died:
                self._fatal.setdefault(hand.job, {})[hand.item] = how
            died.add(hand.item)
            self._open.append(hand.job)
        self._hands[self._hands.index(hand)] = self._hire()


def _how(code: int | None) -> str:
    if code is not None and code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = f"signal {-code}"
        why = " (out of memory?)" if name == "SIGKILL" else ""
        return f"The process that read it died of {name}{why}."
    return f"The process that read it ended with code {code}."


def _serve(set_up: SetUp, pipe: Connection) -> None:
    """The life of one process."""
    # Ctrl-C reaches the whole group; who is in charge decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        worker = set_up()
        pipe.send(("ready", None))
        while True:
            job, fatal = pipe.recv()
            pipe.send(("done", worker(job, fatal, lambda item: pipe.send(("at", item)))))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        return
    except Exception as error:
        with suppress(OSError):
            pipe.send(("error", _portable(error)))


def _portable(error: Exception) -> VtaError:
    """The error as one that survives the way: ours as they are, others as their sentence."""
    if isinstance(error, VtaError):
        same = type(error)(error.message, path=error.path, hint=error.hint)
        return same
    return VtaError(f"{type(error).__name__}: {error}")
