"""A folder of films as a list of clips; words and better sound may lie beside each."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

from vtacli.errors import ConfigError
from vtacli.training.data.clip import Clip, source_of

FILMS = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".mxf", ".avi", ".ts", ".mpg"})
SOUNDS = frozenset({".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".aiff", ".aif"})


def clips_in(folder: Path) -> list[Clip]:
    """Every film beneath ``folder``, in the order of their names, hidden files left out.

    ``NAME.txt`` beside a film is its caption, ``NAME.wav`` (or another sound) the sound to use in
    place of the film's own. A sound with a caption and no film is a clip without a picture; one
    without a caption says nothing to learn from and is left out. A clip's id is its path without
    the suffix.

    Raises ConfigError where there is none, and where two films differ in their suffix alone.
    """
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.is_file() and not any(p.startswith(".") for p in file.relative_to(folder).parts)
    )
    films = _by_stem((f for f in files if f.suffix.lower() in FILMS), folder, "films")
    sounds = _by_stem((f for f in files if f.suffix.lower() in SOUNDS), folder, "sounds")
    words = {f.with_suffix(""): _words(f) for f in files if f.suffix.lower() == ".txt"}
    found = []
    for stem in sorted({*films, *(s for s in sounds if words.get(s))}):
        name = stem.relative_to(folder).as_posix()
        source = (stem.relative_to(folder).parent / source_of(stem.name)).as_posix()
        film, sound = films.get(stem), sounds.get(stem)
        found.append(Clip(name, film, sound, words.get(stem), Fraction(0), None, source))
    if not found:
        raise ConfigError(
            "There is no film in the folder.",
            path=folder,
            hint=f"Films end in {', '.join(sorted(FILMS))}.",
        )
    return found


def _by_stem(files: Iterable[Path], folder: Path, what: str) -> dict[Path, Path]:
    found: dict[Path, Path] = {}
    for file in files:
        stem = file.with_suffix("")
        if stem in found:
            raise ConfigError(
                f"The {what} {found[stem].name} and {file.name} have one name.",
                path=folder,
                hint="Rename one of the two.",
            )
        found[stem] = file
    return found


def _words(file: Path) -> str | None:
    try:
        return " ".join(file.read_text(encoding="utf-8-sig").split()) or None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The caption cannot be read: {error}.", path=file) from error
