"""One piece of work at a time, in the order of asking, each of which can be cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from time import monotonic
from typing import Any

from vtacli.errors import LockHeld, VtaError
from vtacli.progress import Event, Note, Report, Step

PATIENCE_S = 20.0
"""How long another process may hold the session before a job gives up."""
AGAIN_S = 0.25

Work = Callable[[Report], str]
"""Does something and says in a sentence what was done; to stop it, its report raises."""


class Cancelled(BaseException):
    """Somebody no longer wants it. Not an Exception: nothing may swallow it."""


@dataclass
class Job:
    """One thing that was asked for. ``share``: how much of its present stage is done."""

    number: int
    what: str
    work: Work
    detail: str = ""
    share: float | None = None
    running: bool = False
    cancelled: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def report(self, event: Event) -> None:
        """Takes an event of the work. Raises Cancelled."""
        if self.cancelled.is_set():
            raise Cancelled
        if isinstance(event, Step):
            self.detail = event.stage
            self.share = event.done / event.total if event.total else None

    def to_dict(self) -> dict[str, Any]:
        share = None if self.share is None else round(min(1.0, self.share), 3)
        return {
            "id": self.number,
            "what": self.what,
            "detail": self.detail if self.running else "waiting",
            "share": share,
            "running": self.running,
        }


@dataclass(frozen=True)
class Said:
    """The last thing that there was to say. ``number`` grows with each."""

    number: int = 0
    text: str = ""
    bad: bool = False


class Jobs:
    """A thread that does jobs, and while there are none does what ``idle`` finds to do.

    ``idle`` returns whether it did something; the first job to come in interrupts it. ``tell``
    hears what there is to say, from that thread.
    """

    def __init__(self, idle: Callable[[Report], bool], tell: Report) -> None:
        self.said = Said()
        self._idle, self._tell = idle, tell
        self._numbers = count(1)
        self._jobs: list[Job] = []
        self._changed = threading.Condition()
        self._stopped = False
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def add(self, what: str, work: Work) -> Job:
        """Line up another."""
        job = Job(next(self._numbers), what, work)
        with self._changed:
            self._jobs.append(job)
            self._changed.notify_all()
        return job

    def cancel(self, number: int) -> bool:
        """Whether there was such a job."""
        with self._changed:
            for job in self._jobs:
                if job.number == number:
                    job.cancelled.set()
                    if not job.running:
                        self._jobs.remove(job)
                        job.done.set()
                    self._changed.notify_all()
                    return True
        return False

    def waiting(self) -> list[Job]:
        """The jobs that are not done, the one at work first."""
        with self._changed:
            return list(self._jobs)

    def wake(self) -> None:
        """Have it see whether there is something to do while idle."""
        with self._changed:
            self._changed.notify_all()

    def stop(self, patience_s: float = 10.0) -> None:
        """Cancel everything and end the thread."""
        with self._changed:
            self._stopped = True
            for job in self._jobs:
                job.cancelled.set()
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(patience_s)

    def say(self, text: str, bad: bool = False) -> None:
        """Tell the page, and whoever watches the terminal."""
        self.said = Said(self.said.number + 1, text, bad)
        self._tell(Note(text, "warning" if bad else "info"))

    def _run(self) -> None:
        while not self._stopped:
            with self._changed:
                job = self._jobs[0] if self._jobs else None
                if job is not None:
                    job.running = True
            if job is not None:
                self._do(job)
            elif not self._at_leisure():
                with self._changed:
                    if not self._jobs and not self._stopped:
                        self._changed.wait(0.5)

    def _do(self, job: Job) -> None:
        try:
            self.say(self._patiently(job))
        except Cancelled:
            if not self._stopped:
                self.say(f"Cancelled: {job.what}.")
        except VtaError as error:
            self.say(str(error), bad=True)
        except Exception as error:  # the server goes on, and the page says that this is a bug
            self.say(f"This is a bug in vta ({type(error).__name__}: {error}).", bad=True)
        finally:
            with self._changed:
                self._jobs.remove(job)
            job.done.set()

    def _patiently(self, job: Job) -> str:
        """The job's own sentence. A session that the command line has just now is waited for."""
        until = monotonic() + PATIENCE_S
        while True:
            try:
                return job.work(job.report)
            except LockHeld:
                if monotonic() > until:
                    raise
                job.detail, job.share = "another vta has the session, waiting", None
                if job.cancelled.wait(AGAIN_S):
                    raise Cancelled from None

    def _at_leisure(self) -> bool:
        def report(event: Event) -> None:
            if self._jobs or self._stopped:
                raise Cancelled

        try:
            return self._idle(report)
        except Cancelled:
            return True
        except VtaError as error:
            self.say(str(error), bad=True)
        except Exception as error:
            self.say(f"This is a bug in vta ({type(error).__name__}: {error}).", bad=True)
        return False
