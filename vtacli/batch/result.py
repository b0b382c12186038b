"""What came of a batch: a row for each film, and the sums."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vtacli.batch.values import Film
from vtacli.errors import PartialError, printable
from vtacli.progress import Note, Step

MADE, BEFORE, TO_DO = "made", "done before", "to do"
FAILED, FAILED_BEFORE, NOT_TRIED = "failed", "failed before", "not tried"


@dataclass(frozen=True)
class FilmReport:
    """How it stands with one film. ``code`` and ``text`` where it failed; ``why``: what it has to
    be made for, or made again. ``seconds``: from its start to its end, waiting for others too."""

    film: Film
    output: Path | None
    state: str
    why: str = ""
    code: int = 0
    text: str = ""
    seed: int | None = None
    seconds: float = 0.0
    duration_s: float = 0.0
    windows: int = 0
    warnings: tuple[str, ...] = ()
    sha256: str | None = None

    @property
    def bad(self) -> bool:
        return self.state in (FAILED, FAILED_BEFORE)

    def to_dict(self) -> dict[str, Any]:
        return {
            "film": printable(self.film.path),
            "output": None if self.output is None else printable(self.output),
            "state": self.state,
            "why": self.why,
            "code": self.code,
            "error": self.text or None,
            "seed": self.seed,
            "seconds": round(self.seconds, 3),
            "duration_s": self.duration_s,
            "windows": self.windows,
            "warnings": list(self.warnings),
            "sha256": self.sha256,
        }


@dataclass(frozen=True)
class BatchResult:
    """``films`` in the order of their paths. ``notes``: of the work as a whole."""

    films: tuple[FilmReport, ...]
    output: Path
    settings: str
    seconds: float
    notes: tuple[str, ...] = ()

    def count(self, *states: str) -> int:
        known = Counter(f.state for f in self.films)
        return sum(known[s] for s in states)

    @property
    def bad(self) -> tuple[FilmReport, ...]:
        return tuple(f for f in self.films if f.bad)

    def summary(self) -> str:
        """``30 films: 25 made, 5 failed``; a second time ``30 films: 25 done before, 5 failed
        before, 0 to do``."""
        total = len(self.films)
        parts = [
            f"{self.count(state)} {state}"
            for state in (BEFORE, MADE, FAILED, FAILED_BEFORE, NOT_TRIED)
            if self.count(state)
        ]
        if not self.count(MADE, FAILED, NOT_TRIED):
            parts.append(f"{self.count(TO_DO)} to do")
        return f"{total} film{'' if total == 1 else 's'}: {', '.join(parts)}"

    def error(self) -> PartialError | None:
        """What the batch as a whole fails with, None where every film is there."""
        if not self.bad:
            return None
        hint = "They are tried again when the file changes, or with --retry 1."
        if any(f.state == FAILED for f in self.bad):
            hint = (
                "What lies in the film is "
                + hint[9:].replace("are ", "")
                + (" What does not, whenever the command is run again.")
            )
        return PartialError(f"{len(self.bad)} of {len(self.films)} films failed.", hint=hint)

    def to_dict(self) -> dict[str, Any]:
        states = (MADE, BEFORE, FAILED, FAILED_BEFORE, NOT_TRIED, TO_DO)
        return {
            "summary": self.summary(),
            "output": printable(self.output),
            "counts": {state.replace(" ", "_"): self.count(state) for state in states},
            "settings": self.settings,
            "seconds": round(self.seconds, 3),
            "notes": list(self.notes),
            "films": [f.to_dict() for f in self.films],
        }


@dataclass(frozen=True)
class Begun:
    """Work on a film begins."""

    number: int
    film: Film


@dataclass(frozen=True)
class Event:
    """Something happened to a film that is worked at."""

    number: int
    film: Film
    event: Step | Note


@dataclass(frozen=True)
class Ended:
    """A film came to its end; ``done`` of ``total`` films have."""

    number: int
    report: FilmReport
    done: int
    total: int


BatchEvent = Begun | Event | Ended | Note
