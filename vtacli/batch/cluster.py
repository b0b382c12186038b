"""Films on several machines: Ray carries films to processors, and windows to models.

What runs there is what runs here, :func:`vtacli.batch.work.make_film` around a
:class:`vtacli.batch.holding.Held`. Nothing is repeated by Ray itself: what is lost with a machine
is told to be lost, and the batch does those films again.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from vtacli import __version__
from vtacli.batch.engine import Engine
from vtacli.batch.joining import import_ray, join, places
from vtacli.batch.leading import Order, Start
from vtacli.batch.ray_parts import Holder, Mailbox, dub_on_cluster
from vtacli.batch.running import BatchReport
from vtacli.batch.values import FilmTask, Lost, ModelFacts, Told, Waiting
from vtacli.errors import ConfigError, DeviceError, VtaError, WeightsRefused
from vtacli.progress import Note
from vtacli.window_cache.facade import fingerprint_of

OPEN_S = 600.0
"""How long a machine may take to load the model."""
PING_S = 60.0
LOOK_S = 10.0
"""How often it is looked for machines that came or went."""


def on_ray(address: str | None, *, insecure: bool = False) -> Start:
    """A start of an engine on a cluster; see :func:`vtacli.batch.joining.join`."""

    @contextmanager
    def start(order: Order, most: int, report: BatchReport) -> Iterator[Engine]:
        # Ray prints the last words of machines that die; stdout is for the answer alone
        with Path(os.devnull).open("w") as nothing, redirect_stdout(nothing):
            join(address, insecure=insecure)
            try:
                engine = RayEngine(order, most, report)
                try:
                    yield engine
                finally:
                    engine.close()
            finally:
                import_ray().shutdown()

    return start


@dataclass(eq=False)
class _Place:
    """A holder on a machine."""

    node: str
    actor: Any
    host: str


class RayEngine(Engine):
    """See :class:`Engine`. ``jobs`` films are under way, each in a task that takes a processor; a
    model takes a GPU, or none and the time that films leave."""

    def __init__(self, order: Order, most: int, report: BatchReport) -> None:
        self._ray = import_ray()
        self._report = report
        self._order = order
        self._most = most
        self._model = fingerprint_of(order.wanted.handle())
        self._facts: ModelFacts | None = None
        self._places: list[_Place] = []
        self._films: dict[Any, int] = {}
        self._where: dict[int, _Place] = {}
        self._looked_at = 0.0
        self._mailbox = self._actor(Mailbox, self._here(), max_concurrency=4)
        self._task = self._ray.remote(num_cpus=1, max_retries=0)(dub_on_cluster)
        processors = int(self._ray.cluster_resources().get("CPU", 1))
        self.jobs = max(1, min(order.jobs or processors, most))
        self._fill()

    def submit(self, task: FilmTask) -> None:
        load = Counter(place for place in self._where.values())
        place = min(self._places, key=lambda p: load[p])
        ref = self._task.options(scheduling_strategy="SPREAD").remote(
            task, self._facts, place.actor, self._mailbox
        )
        self._films[ref] = task.number
        self._where[task.number] = place

    def poll(self, timeout_s: float) -> list[Told]:
        if not self._films:
            sleep(timeout_s)
            return []
        ready, _ = self._ray.wait(list(self._films), timeout=timeout_s)
        found: list[Told] = self._mail()
        lost = False
        for ref in ready:
            number = self._films.pop(ref)
            self._where.pop(number)
            try:
                outcome = self._ray.get(ref)
            except self._ray.exceptions.RayError as error:
                outcome = Lost(number, type(error).__name__)
            lost |= isinstance(outcome, Lost)
            found.append(outcome)
        if lost or monotonic() - self._looked_at > LOOK_S:
            self._mend()
        return found

    def cancel(self, number: int) -> None:
        for ref, other in self._films.items():
            if other == number:
                self._ray.cancel(ref, force=True)

    def close(self) -> None:
        for ref in self._films:
            with suppress(self._ray.exceptions.RayError):
                self._ray.cancel(ref, force=True)
        for place in self._places:
            self._ray.kill(place.actor)
        self._ray.kill(self._mailbox)

    def notes(self) -> list[str]:
        said = []
        for place in self._places:
            with suppress(self._ray.exceptions.RayError):
                calls, windows, films = self._ray.get(place.actor.notes.remote(), timeout=PING_S)
                said.append(
                    f"{place.host}: {windows} windows made in {calls} calls of the model, of up "
                    f"to {films} films at once"
                )
        return said

    def _mail(self) -> list[Told]:
        try:
            mail: list[Told] = self._ray.get(self._mailbox.take.remote(), timeout=PING_S)
        except self._ray.exceptions.RayError:
            # nothing is heard, which is no fault of the films
            return [Waiting(number, True) for number in self._films.values()]
        return mail

    def _mend(self) -> None:
        """Drop the holders that are gone, and start those that there is room for."""
        self._looked_at = monotonic()
        alive = {node["NodeID"] for node in self._ray.nodes() if node["Alive"]}
        for place in list(self._places):
            try:
                if place.node not in alive:
                    raise self._ray.exceptions.NodeDiedError(place.host)
                self._ray.get(place.actor.ping.remote(), timeout=PING_S)
            except self._ray.exceptions.RayError:
                self._places.remove(place)
                self._report(Note(f"The model on {place.host} is lost.", "warning"))
                with suppress(self._ray.exceptions.RayError):
                    self._ray.kill(place.actor)
        self._fill()

    def _fill(self) -> None:
        """A holder in every place that has none, but no more than there are films.

        Raises what loading raises where no place is left.
        """
        taken = Counter(place.node for place in self._places)
        room = min(self._most, self.jobs) - len(self._places)
        free = list((Counter(places(self._ray.nodes())) - taken).elements())[: max(0, room)]
        starting = [_Place(node, self._holder(node), node[:8]) for node in free]
        opening = [place.actor.open.remote() for place in starting]
        error: VtaError | None = None
        for place, ref in zip(starting, opening, strict=True):
            try:
                self._opened(place, self._ray.get(ref, timeout=OPEN_S))
            except self._ray.exceptions.RayError as failed:
                error = DeviceError(f"The model did not load there: {type(failed).__name__}.")
            except VtaError as failed:
                error = failed
            if place not in self._places:
                self._ray.kill(place.actor)
        if not self._places:
            raise error or DeviceError(
                "No machine of the cluster can hold the model.",
                hint="One with a GPU, or with a processor to give, has to be there.",
            )
        if error is not None:
            self._report(Note(str(error), "warning"))

    def _opened(self, place: _Place, answer: Any) -> None:
        """Take a holder into use, if it holds what this machine would."""
        if isinstance(answer, VtaError):
            raise answer
        facts, model, version, place.host = answer
        if version != __version__:
            raise ConfigError(f"{place.host} has vta {version}, this machine {__version__}.")
        if model != self._model:
            raise WeightsRefused(
                f"{place.host} has other weights under the name {facts.name}.",
                hint="Put the same model on every machine.",
            )
        self._facts = facts
        self._places.append(place)

    def _holder(self, node: str) -> Any:
        gpus = 1 if self._ray.cluster_resources().get("GPU", 0) >= 1 else 0
        wanted = replace(self._order.wanted, lanes=self._order.wanted.lanes or 1)
        return self._actor(Holder, node, wanted, max_concurrency=64, num_gpus=gpus)

    def _actor(self, kind: type, node: str, *arguments: Any, **options: Any) -> Any:
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        there = NodeAffinitySchedulingStrategy(node_id=node, soft=False)
        made = self._ray.remote(num_cpus=0, max_restarts=0, scheduling_strategy=there, **options)
        return made(kind).remote(*arguments)

    def _here(self) -> str:
        return str(self._ray.get_runtime_context().get_node_id())
