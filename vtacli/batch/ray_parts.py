"""What runs on a cluster's machines: an actor that holds the model, tasks that decode and mux."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import replace
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vtacli import __version__
from vtacli.batch.holding import Held, Wanted
from vtacli.batch.values import Failed, FilmTask, Lost, Made, ModelFacts, Progress, Told, Waiting
from vtacli.batch.work import WorkerLost, make_film, told
from vtacli.errors import VtaError
from vtacli.model.contract import OnStep, Sampling, WindowContent
from vtacli.progress import Event, Step
from vtacli.signal.media import Audio
from vtacli.window_cache.facade import fingerprint_of

TELL_EVERY_S = 0.5


class Holder:
    """An actor: a model in memory, which many films ask at once.

    Errors are values here: what an actor raises loses its type on the way.
    """

    def __init__(self, wanted: Wanted) -> None:
        # one model for each actor; Ray gives each its own GPU, and shows it no other
        self._wanted = replace(wanted, lanes=wanted.lanes or 1)
        self._held: Held | None = None

    def open(self) -> tuple[ModelFacts, str, str, str] | VtaError:
        """Load the model: its facts and hash, the program's version, and the machine's name."""
        try:
            self._held = Held(self._wanted)
            model = fingerprint_of(self._wanted.handle())
        except Exception as error:
            return told(error)
        return self._held.facts, model, __version__, socket.gethostname()

    def generate(
        self, windows: Sequence[WindowContent], sampling: Sampling
    ) -> list[Audio] | VtaError:
        assert self._held is not None
        try:
            return self._held.shared.generate(windows, sampling)
        except Exception as error:
            return told(error)

    def hear(self, sound: Audio) -> NDArray[np.float32] | VtaError:
        assert self._held is not None
        try:
            return self._held.hear(sound)
        except Exception as error:
            return told(error)

    def ping(self) -> bool:
        return True

    def notes(self) -> tuple[int, int, int]:
        """Calls, windows, and films at once: see :class:`vtacli.batch.shared_model.Counts`."""
        assert self._held is not None
        counts = self._held.shared.counts
        return counts.calls, counts.windows, counts.films


class Mailbox:
    """An actor beside whoever leads: what tasks tell, until it is fetched."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._mail: list[Told] = []

    def put(self, message: Told) -> None:
        with self._lock:
            self._mail.append(message)

    def take(self) -> list[Told]:
        with self._lock:
            mail, self._mail = self._mail, []
        return mail


class RayService:
    """A holder, as :class:`vtacli.batch.work.Service`."""

    def __init__(self, holder: Any, teller: Teller) -> None:
        self._holder = holder
        self._teller = teller

    def generate(
        self, windows: Sequence[WindowContent], sampling: Sampling, on_step: OnStep | None
    ) -> list[Audio]:
        answer: list[Audio] = self._asked(self._holder.generate, list(windows), sampling)
        return answer

    def hear(self, sound: Audio) -> NDArray[np.float32]:
        answer: NDArray[np.float32] = self._asked(self._holder.hear, sound)
        return answer

    def _asked(self, method: Any, *arguments: Any) -> Any:
        import ray

        self._teller.waits(True)
        try:
            answer = ray.get(method.remote(*arguments))
        except ray.exceptions.RayTaskError as error:
            raise error.as_instanceof_cause() from error
        except ray.exceptions.RayError as error:
            raise WorkerLost(f"the model's machine is lost: {type(error).__name__}") from error
        self._teller.waits(False)
        if isinstance(answer, VtaError):
            raise answer
        return answer


class Teller:
    """Tells the mailbox of one film, but not of every step."""

    def __init__(self, number: int, mailbox: Any) -> None:
        self._number = number
        self._mailbox = mailbox
        self._told_at = 0.0
        self._stage = ""

    def report(self, event: Event) -> None:
        now = monotonic()
        if isinstance(event, Step):
            if event.stage == self._stage and now - self._told_at < TELL_EVERY_S:
                return
            self._stage, self._told_at = event.stage, now
        self._mailbox.put.remote(Progress(self._number, event))

    def waits(self, waiting: bool) -> None:
        self._mailbox.put.remote(Waiting(self._number, waiting))


def dub_on_cluster(
    task: FilmTask, facts: ModelFacts, holder: Any, mailbox: Any
) -> Made | Failed | Lost:
    """A task: one film. A model that is lost on the way is no fault of the film's."""
    teller = Teller(task.number, mailbox)
    teller.waits(False)
    try:
        return make_film(task, facts, RayService(holder, teller), teller.report)
    except WorkerLost as error:
        return Lost(task.number, str(error))
