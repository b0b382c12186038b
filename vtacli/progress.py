"""Progress as data. Work reports events upward; only the command line draws them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Step:
    """``done`` of ``total`` units of a stage are finished; ``total`` is None when unknown."""

    stage: str
    done: float
    total: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class Note:
    """Something a person should read. ``level`` is ``"warning"``, ``"info"`` or ``"detail"``."""

    text: str
    level: str = "info"


Event = Step | Note
Report = Callable[[Event], None]


def ignore(event: Event) -> None:
    """A :data:`Report` for callers that do not listen."""
