"""What a cue sheet holds: as it was written, and as the program sees it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path
from typing import Any, NoReturn

from vtacli.errors import ConfigError, printable
from vtacli.timeline import Scene

SUFFIXES = (".toml", ".csv", ".json")
ROW_KEYS = (
    "scene",
    "start",
    "end",
    "prompt",
    "negative",
    "seed",
    "takes",
    "gain_db",
    "mute",
    "lock",
    "hits",
    "hits_from",
)
NOTES = ("guess",)
"""Columns that are written for people, and are passed over when a sheet is read."""
HEAD_KEYS = ("version", "gaps", "hits_from")
FILM_KEYS = ("name", "duration", "frame_rate", "starts_at")
GAPS = ("film", "silent")
VERSION = 1


@dataclass(frozen=True)
class FilmFacts:
    """The film that a sheet is of. ``name``: its file's, None where that is not known.
    ``start_timecode``: its own, as it is written there."""

    duration_s: Fraction
    frame_rate: Fraction
    name: str | None = None
    start_timecode: str | None = None


@dataclass(frozen=True)
class CueSheet:
    """``scenes`` tile the film. ``warnings``: what a person should know of the sheet."""

    scenes: tuple[Scene, ...]
    warnings: tuple[str, ...] = ()


def no_line(key: str | None = None) -> None:
    """For a table of which it is not known where it stands."""


@dataclass(frozen=True)
class Table:
    """Keys and values as they were written; numbers that are not whole are Fractions.

    ``line_of(key)`` is the line, from 1, of a key, or with None of the table; None if not known.
    """

    path: Path
    what: str
    values: Mapping[str, Any]
    line_of: Callable[[str | None], int | None] = field(default=no_line)

    def refuse(self, key: str | None, message: str, hint: str | None = None) -> NoReturn:
        """Raise ConfigError with the file, the line (or else the scene) and what is wrong."""
        line = self.line_of(key)
        where = f"Line {line}" if line is not None else self.what
        raise ConfigError(f"{where}: {message}", path=self.path, hint=hint) from None

    def check_keys(self, known: tuple[str, ...]) -> None:
        """Raise ConfigError for a key that is none of these, with the one that was meant."""
        for key in self.values:
            if key not in known:
                near = get_close_matches(str(key).lower(), known, 1, 0.5)
                hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(known)}."
                self.refuse(key, f"{self.what} has no {printable(key)!r}.", hint)


@dataclass(frozen=True)
class RawSheet:
    """A file as it was written: the head, what it says of the film, and the rows in its order."""

    path: Path
    head: Table
    film: Table
    rows: tuple[Table, ...]
