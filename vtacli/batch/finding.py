"""Which films are meant: folders, files and lists as a person gives them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from vtacli.batch.values import Film
from vtacli.errors import ConfigError, MediaError, printable
from vtacli.media.door import SUFFIXES

FILM_SUFFIXES = frozenset({*SUFFIXES, ".avi", ".ts", ".mts", ".m2ts"})
"""What is taken for a film in a folder; a file that is named is taken whatever it is called."""


@dataclass(frozen=True)
class Choice:
    """Which files of a folder are taken. Patterns are held against a file's name and against its
    path below the folder, without regard to case: ``*.mov``, ``reel-0?/*``. ``include`` none:
    every film, by its suffix."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    recursive: bool = False

    def takes(self, relative: Path) -> bool:
        wanted = (
            _matches(relative, self.include)
            if self.include
            else relative.suffix.lower() in FILM_SUFFIXES
        )
        return wanted and not _matches(relative, self.exclude)


def find_films(
    sources: Sequence[Path], choice: Choice, output: Path, ours: frozenset[Path] = frozenset()
) -> list[Film]:
    """The films of folders, of ``.txt`` lists (a path a line, ``#`` begins a remark) and by name,
    in the order of their paths; one that is given twice is taken once.

    Hidden files, the folder ``output`` and the files ``ours`` are not looked at in folders.
    Raises ConfigError where nothing is found or a list cannot be read, MediaError for a source
    that is not there.
    """
    found: dict[Path, Film] = {}
    for source in sources:
        place = Path(os.path.abspath(source))  # noqa: PTH100 - resolve would follow links
        for film in films_in(place, choice, output, ours):
            found.setdefault(film.path, film)
    if not found:
        raise ConfigError(
            "There is no film to be dubbed.",
            path=sources[0] if len(sources) == 1 else None,
            hint="--recursive looks into sub-folders; --include '*.xyz' takes other suffixes.",
        )
    return sorted(found.values(), key=lambda film: str(film.path))


def films_in(source: Path, choice: Choice, output: Path, ours: frozenset[Path]) -> Iterator[Film]:
    """The films of one source; see :func:`find_films`."""
    if source.is_dir():
        for relative in _below(source, choice.recursive, output):
            path = source / relative
            if path not in ours and choice.takes(relative):
                yield Film(path, relative)
    elif source.suffix.lower() == ".txt" and source.is_file():
        for path in _listed(source):
            if not _matches(Path(path.name), choice.exclude):
                yield Film(path, Path(path.name))
    elif not source.exists():
        raise MediaError("There is no such file or folder.", path=source, hint="Check the name.")
    elif not _matches(Path(source.name), choice.exclude):
        yield Film(source, Path(source.name))


def _below(folder: Path, recursive: bool, output: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder):
        place = Path(here)
        folders[:] = sorted(
            name
            for name in folders
            if recursive and not name.startswith(".") and place / name != output
        )
        for name in sorted(files):
            if not name.startswith("."):
                yield (place / name).relative_to(folder)


def _listed(path: Path) -> list[Path]:
    """The films of a list; what is relative is beside the list."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The list cannot be read: {error}.", path=path) from error
    films = []
    for number, line in enumerate(lines, 1):
        name = line.strip()
        if not name or name.startswith("#"):
            continue
        if "\0" in name:
            raise ConfigError(f"Line {number} is no path: {printable(name)}.", path=path)
        films.append(Path(os.path.abspath(path.parent / name)))  # noqa: PTH100
    return films


def _matches(relative: Path, patterns: Sequence[str]) -> bool:
    names = (relative.name.casefold(), relative.as_posix().casefold())
    return any(fnmatchcase(name, p.casefold()) for p in patterns for name in names)
