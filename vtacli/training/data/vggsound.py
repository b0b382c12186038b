"""VGGSound's list as published, against a folder of clips.

``vggsound.csv`` (Chen et al., "VGGSound: A large-scale audio-visual dataset", ICASSP 2020;
hche11/VGGSound) has no header and four columns: YouTube id, start in whole seconds, label,
``train`` or ``test``. A clip is the ten seconds from there on.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from vtacli.errors import ConfigError
from vtacli.training.data.clip import Clip
from vtacli.training.data.folder import FILMS

CLIP_S = 10


def is_vggsound(text: str) -> bool:
    """Whether a list's first row is one of VGGSound's."""
    row = next(csv.reader(io.StringIO(text, newline="")), [])
    return len(row) == 4 and row[1].strip().isdigit() and row[3].strip() in ("train", "test")


def read_vggsound(text: str, folder: Path, path: Path) -> list[Clip]:
    """A clip for each row, its label as caption, its split as published.

    Files are looked for anywhere beneath ``folder``: ``ID_000030`` (as the authors' archives name
    clips) and ``ID_30000_40000`` are the cut clips; ``ID`` is the whole video, of which the ten
    seconds are taken. A row without a file keeps the first of these names, so that whoever opens
    it can say that it is missing.

    Raises ConfigError for a row that is not as published, and where ``folder`` is none.
    """
    if not folder.is_dir():
        raise ConfigError("There is no such folder of clips.", path=folder)
    files = {f.stem: f for f in sorted(folder.rglob("*")) if f.suffix.lower() in FILMS}
    found = [_clip(row, folder, files) for row in _rows(text, path)]
    if set(files.values()).isdisjoint(clip.film for clip in found):
        raise ConfigError(
            "The folder holds none of the clips that the list names.",
            path=folder,
            hint="Name the folder with --clips; clips are called ID_000030.mp4.",
        )
    return found


def _rows(text: str, path: Path) -> Iterator[tuple[str, int, str, str]]:
    seen: set[tuple[str, int]] = set()
    reader = csv.reader(io.StringIO(text, newline=""))
    for row in reader:
        if not row:
            continue
        if len(row) != 4 or not row[1].strip().isdigit() or row[3].strip() not in ("train", "test"):
            raise ConfigError(
                f"Line {reader.line_num} is not as VGGSound's: id, seconds, label, train or test.",
                path=path,
            )
        name, start, label, split = (value.strip() for value in row)
        if (name, int(start)) in seen:
            raise ConfigError(f"Line {reader.line_num} repeats {name} from {start} s.", path=path)
        seen.add((name, int(start)))
        yield name, int(start), label, split


def _clip(row: tuple[str, int, str, str], folder: Path, files: dict[str, Path]) -> Clip:
    name, start, label, split = row
    cut = f"{name}_{start:06d}"
    film = files.get(cut) or files.get(f"{name}_{start * 1000}_{(start + CLIP_S) * 1000}")
    whole = files.get(name) if film is None else None
    return Clip(
        id=cut,
        film=film or whole or folder / f"{cut}.mp4",
        sound=None,
        caption=label,
        start_s=Fraction(start if whole else 0),
        end_s=Fraction(start + CLIP_S) if whole else None,
        source=name,
        split=split,
    )
