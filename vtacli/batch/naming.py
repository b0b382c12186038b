"""What a film's new version is called: its own name below the output's folder, never another's."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from vtacli.batch.values import Film
from vtacli.media.door import SUFFIXES

FALLBACK = ".mkv"
"""Of films whose own container cannot be written."""


def output_suffix(film: Path) -> str:
    return film.suffix.lower() if film.suffix.lower() in SUFFIXES else FALLBACK


class Names:
    """Gives each film a name of its own; sub-folders are mirrored. Names that differ in case
    alone count as one, as on many disks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._inputs: set[str] = set()
        self._taken: dict[str, Path] = {}

    def spare(self, path: Path) -> None:
        """This is an input: nothing may be written over it."""
        self._inputs.add(_key(path))

    def take(self, output: Path, film: Path) -> None:
        """This name is this film's: it was given it before."""
        self._taken[_key(output)] = film

    def of(self, film: Film) -> Path:
        """``x.mp4`` for ``x.mp4``; where that is taken, ``x.avi.mkv`` for ``x.avi``, then
        ``x-2.mkv``. Where it is an input's, ``x.dubbed.mp4``."""
        suffix = output_suffix(film.path)
        place = self._folder / film.relative.parent
        stem = film.relative.stem
        names = [f"{stem}{suffix}", f"{stem}.dubbed{suffix}"]
        if film.path.suffix.lower() != suffix:
            names.insert(1, f"{film.relative.name}{suffix}")
        number = 1
        while True:
            for name in names:
                path = place / name
                if _key(path) not in self._inputs and self._is_free(path, film.path):
                    self._taken[_key(path)] = film.path
                    return path
            number += 1
            names = [f"{stem}-{number}{suffix}"]

    def _is_free(self, path: Path, film: Path) -> bool:
        return self._taken.get(_key(path), film) == film


def in_order(films: Iterable[Film]) -> list[Film]:
    """Films in the order in which they are given names: those first that keep their suffix."""
    return sorted(films, key=lambda f: (f.path.suffix.lower() not in SUFFIXES, str(f.path)))


def _key(path: Path) -> str:
    return os.path.normpath(path).casefold()
