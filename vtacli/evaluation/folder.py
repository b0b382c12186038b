"""The films in a folder."""

from __future__ import annotations

from pathlib import Path

from vtacli.errors import ConfigError
from vtacli.media.door import SUFFIXES

SUFFIX = frozenset({*SUFFIXES, ".avi", ".ts"})


def find_clips(folder: Path) -> tuple[Path, ...]:
    """The films in a folder, by name. Raises ConfigError where there is none."""
    if not folder.is_dir():
        raise ConfigError("there is no such folder of films", path=folder)
    films = tuple(sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIX))
    if not films:
        raise ConfigError("there is no film in this folder", path=folder)
    return films
