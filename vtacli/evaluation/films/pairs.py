"""Which sound was made for which film, by their names; and what is known of each film besides."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vtacli.errors import ConfigError, printable
from vtacli.evaluation.folder import SUFFIX, find_clips

SOUND_SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aac", ".aiff"})
LIST_SUFFIXES = (".csv", ".txt")
ENDINGS = ("", ".dubbed", "_dubbed", ".foley")
"""What may follow a film's name in the name of the sound that was made for it."""


@dataclass(frozen=True)
class Pair:
    """``made``: a film or a sound file, None where it is still to be made. ``hits``: a list of
    moments, as ``vta generate --hits`` takes it."""

    name: str
    film: Path
    made: Path | None = None
    hits: Path | None = None
    caption: str | None = None


def find_pairs(
    films: Path,
    generated: Path | None = None,
    hits: Path | None = None,
    captions: Path | None = None,
) -> tuple[tuple[Pair, ...], tuple[str, ...]]:
    """The films of a folder with what belongs to them, and sentences on what was left out.

    A sound belongs to the film whose name it has, whatever the suffix, with or without
    ``.dubbed`` behind it. Raises ConfigError where a folder is none or holds no film, where two
    films or two sounds have one name, and where no sound belongs to any film.
    """
    found = find_clips(films)
    names = [f.stem for f in found]
    for film in found:
        if names.count(film.stem) > 1:
            raise ConfigError("two films of this folder have one name", path=film)
    sounds = _by_name(generated, SUFFIX | SOUND_SUFFIXES) if generated else {}
    lists = _by_name(hits, frozenset(LIST_SUFFIXES)) if hits else {}
    words = read_captions(captions) if captions else {}
    pairs, left_out = [], []
    for film in found:
        made = next((sounds[film.stem + e] for e in ENDINGS if film.stem + e in sounds), None)
        if generated and made is None:
            left_out.append(f"{film.name}: nothing was made for it.")
            continue
        caption = words.get(film.name, words.get(film.stem))
        pairs.append(Pair(film.stem, film, made, lists.get(film.stem), caption))
    if not pairs:
        raise ConfigError(
            "no sound in this folder has the name of a film",
            path=generated,
            hint=f"{found[0].stem}.wav or {found[0].stem}.dubbed.mp4 would be one.",
        )
    used = {p.made for p in pairs}
    left_out += [f"{s.name}: there is no such film." for s in sounds.values() if s not in used]
    for kind, given, known in (
        ("hits", lists, {p.name for p in pairs}),
        ("captions", words, {n for p in pairs for n in (p.name, p.film.name)}),
    ):
        strange = (printable(n) for n in given if n not in known)
        left_out += [f"{kind} of {name}: there is no such film." for name in strange]
    return tuple(pairs), tuple(left_out)


def _by_name(folder: Path, suffixes: frozenset[str]) -> dict[str, Path]:
    if not folder.is_dir():
        raise ConfigError("there is no such folder", path=folder)
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in suffixes and not path.name.startswith("."):
            if path.stem in found:
                raise ConfigError(
                    f"two files have one name: {found[path.stem].name} and {path.name}",
                    path=folder,
                    hint="Leave one of them.",
                )
            found[path.stem] = path
    return found


def read_captions(path: Path) -> dict[str, str]:
    """Film -> caption, from a CSV file with the columns ``film`` (with or without suffix) and
    ``caption``. Raises ConfigError with the row at fault."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows: Sequence[dict[str, str]] = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"the captions cannot be read: {error}", path=path) from error
    found: dict[str, str] = {}
    for number, row in enumerate(rows, start=2):
        film, caption = (str(row.get(k) or "").strip() for k in ("film", "caption"))
        if not film or not caption:
            raise ConfigError(f"row {number} has no film or no caption", path=path)
        found[film] = caption
    if not found:
        raise ConfigError(
            "there is no caption in this file", path=path, hint="Its columns: film, caption."
        )
    return found
