"""The work on one film, the same in a process of this machine and in a task of a cluster."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from contextlib import suppress
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from vtacli.batch.content import content_of, seeded
from vtacli.batch.record import sha_of
from vtacli.batch.values import Failed, FilmTask, Made, ModelFacts, Stamp
from vtacli.errors import DeviceError, MediaError, OutputError, StorageError, VtaError
from vtacli.media.door import check_input
from vtacli.model.contract import Listener, OnStep, Sampling, SoundModel, WindowContent
from vtacli.model.variants import Variant
from vtacli.models import ModelHandle, load_voice_detector
from vtacli.progress import Report, Step
from vtacli.signal.media import Audio

SHARED = "Films and the output's folder must lie on a path that every machine of the cluster sees."


class WorkerLost(BaseException):
    """What the work needs is gone: the process that holds the model, or that this one works for.
    Not an Exception: nothing may take it for the film's fault."""


class Service(Protocol):
    """A model that lives elsewhere. Raises VtaError where it fails, WorkerLost where it is gone."""

    def generate(
        self, windows: Sequence[WindowContent], sampling: Sampling, on_step: OnStep | None
    ) -> list[Audio]: ...

    def hear(self, sound: Audio) -> NDArray[np.float32]: ...


class RemoteModel(SoundModel):
    """A :class:`SoundModel` that asks a :class:`Service`."""

    def __init__(self, variant: Variant, service: Service) -> None:
        self._variant = variant
        self._service = service

    @property
    def variant(self) -> Variant:
        return self._variant

    def generate(
        self,
        windows: Sequence[WindowContent],
        sampling: Sampling,
        on_step: OnStep | None = None,
    ) -> list[Audio]:
        return self._service.generate(windows, sampling, on_step)


class RemoteListener(Listener):
    """A :class:`Listener` that asks a :class:`Service`."""

    def __init__(self, names: tuple[str, ...], service: Service) -> None:
        self._names = names
        self._service = service

    @property
    def names(self) -> tuple[str, ...]:
        return self._names

    def hear(self, sound: Audio) -> NDArray[np.float32]:
        return self._service.hear(sound)


def handle_of(facts: ModelFacts, service: Service) -> ModelHandle:
    """The model as :func:`vtacli.dub.dub` knows it; nothing of torch is imported for it."""
    listener = None if facts.listener is None else RemoteListener(facts.listener, service)
    return ModelHandle(
        name=facts.name,
        variant=facts.variant,
        load=lambda: RemoteModel(facts.variant, service),
        check_device=lambda: None,
        weights_bytes=facts.weights_bytes,
        folder=facts.folder,
        few_steps=facts.few_steps,
        listener=lambda: listener,
        voice=lambda: load_voice_detector(facts.folder, facts.weights_dir),
    )


def make_film(task: FilmTask, facts: ModelFacts, service: Service, report: Report) -> Made | Failed:
    """Dub one film. Every error of the film's becomes a :class:`Failed`; WorkerLost passes."""
    began = perf_counter()
    content, source = task.content, None
    try:
        _check_witness(task)
        check_input(task.film)
        source = Stamp.of(task.film)
        if content is None:
            content = content_of(task.film, report)
        result, seed = _dubbed(task, content, facts, service, report)
        report(Step("record", 0, 1))
        if Stamp.of(task.film) != source:
            raise OutputError(
                "The film changed while it was being dubbed.",
                path=task.film,
                hint="Run it again when it is finished.",
            )
        return Made(
            task.number,
            content,
            source,
            sha_of(task.making),
            Stamp.of(task.making),
            seed,
            perf_counter() - began,
            result,
        )
    except Exception as error:
        known = told(error)
        with suppress(OSError):  # an empty file, say: refused, and yet it has a stamp
            source = source or Stamp.of(task.film)
        return Failed(task.number, known.exit_code, _sentence(known, task), content, source)


def told(error: Exception) -> VtaError:
    """The error of our own tree that an exception amounts to; a bug is a VtaError."""
    if isinstance(error, VtaError):
        return error
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageError("The disk is full.", hint="Free some space.")
    if isinstance(error, MemoryError):
        return DeviceError("There is not enough memory.", hint="Lower --batch-size or --jobs.")
    what = f"{type(error).__name__}: {error}".splitlines()[0]
    return VtaError(f"This is a bug in vta ({what}). Report it.")


def _dubbed(
    task: FilmTask, content: str, facts: ModelFacts, service: Service, report: Report
) -> tuple[dict[str, Any], int]:
    # imported here: the process that holds the model and leads the batch need not decode
    from vtacli.dub import dub

    options = seeded(task.options, content)
    made = dub(task.film, task.making, options, handle_of(facts, service), report)
    return made.to_dict(), made.seed


def _check_witness(task: FilmTask) -> None:
    if task.witness is None:
        return
    where = _host()
    if not task.witness.is_file():
        raise OutputError(
            f"The worker on {where} does not see the output's folder.",
            path=task.witness.parent.parent,
            hint=SHARED,
        )
    if not task.film.exists():
        raise MediaError(
            f"The worker on {where} does not see the film.", path=task.film, hint=SHARED
        )


def _host() -> str:
    import socket

    return socket.gethostname()


def _sentence(error: VtaError, task: FilmTask) -> str:
    """The error on one line; it names the film where it names the file in the making."""
    text = str(error)
    return text.replace(str(task.making), task.film.name)
