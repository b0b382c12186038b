"""The stages of one piece of work: how long each took, and the warnings on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import perf_counter

from vtacli.progress import Event, Note, Report


@dataclass
class Stages:
    """Hears every event before ``listener`` does. ``seconds``: by stage."""

    listener: Report
    seconds: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def report(self, event: Event) -> None:
        if isinstance(event, Note) and event.level == "warning":
            self.warnings.append(event.text)
        self.listener(event)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        began = perf_counter()
        yield
        self.seconds[name] = perf_counter() - began
        self.report(Note(f"{name} took {self.seconds[name]:.2f} s", "detail"))
