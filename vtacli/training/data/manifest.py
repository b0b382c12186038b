"""Lists of clips: JSON lines in the published trainer's form, CSV, a folder, VGGSound's list.

The published trainer (ariesssxu/VTA-LDM, README and tools/data_tools.py) reads a line for each clip
with ``video_path``, ``feature_file``, ``audio_file`` and ``description``; its defaults are TANGO's
``location`` and ``captions``. These names are read, and :func:`write_manifest` writes them;
``feature_file`` is left aside, because frames are taken from the film itself. Beside them ``id``,
``start_s``, ``end_s``, ``source`` and ``split`` may say more, in JSON lines as in CSV.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError
from vtacli.media.staging import Staging
from vtacli.training.data.clip import SPLITS, Clip, source_of
from vtacli.training.data.folder import SOUNDS, clips_in
from vtacli.training.data.vggsound import is_vggsound, read_vggsound

FILM = ("film", "video_path", "video", "location")
SOUND = ("sound", "audio_file", "audio", "audio_path", "location")
CAPTION = ("caption", "captions", "description", "text", "label")
START, END = ("start_s", "start", "start_seconds"), ("end_s", "end", "end_seconds")
SOURCE = ("source", "youtube_id", "video_id")
SPLIT_FILES = {"validation": "valid"}
SPLIT_NAMES = {"train": "train", "training": "train", "test": "test", "eval": "test"}
SPLIT_NAMES |= dict.fromkeys(("validation", "valid", "val", "dev"), "validation")


def read_manifest(path: Path | str, clips: Path | None = None) -> list[Clip]:
    """All clips of a manifest, in its order; no media file is opened.

    ``path``: .jsonl or .json (lines, or one array), .csv, VGGSound's list, or a folder of films.
    ``clips``: where files are looked for that the list names by relative paths or, as VGGSound's
    does, by their id alone; by default the manifest's folder, then the present one.

    Raises ConfigError for what is no such list, with the number of the line.
    """
    path = Path(path)
    if path.is_dir():
        return clips_in(path)
    if not path.is_file():
        raise ConfigError("There is no such manifest.", path=path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"The manifest cannot be read: {error}.", path=path) from error
    if path.suffix.lower() in (".json", ".jsonl"):
        rows = list(_json_rows(text, path))
    elif is_vggsound(text):
        return read_vggsound(text, clips or path.parent, path)
    else:
        rows = list(_csv_rows(text, path))
    found = [_clip(row, number, path, clips) for number, row in rows]
    _check_names(found, [number for number, _ in rows], path)
    if not found:
        raise ConfigError("The manifest lists no clip.", path=path)
    return found


def write_manifest(path: Path | str, clips: Sequence[Clip], overwrite: bool = False) -> None:
    """JSON lines that :func:`read_manifest` reads back as they were.

    Files beneath the manifest's folder are named relative to it, others by absolute paths. The
    file appears whole or not at all. Raises OutputError where it may not be written.
    """
    text = _text(clips, Path(path).resolve().parent)
    with Staging(overwrite) as staging:
        staging.part(path).write_text(text, encoding="utf-8")


def write_splits(
    folder: Path, found: Mapping[str, Sequence[Clip]], overwrite: bool = False
) -> dict[str, Path]:
    """A manifest for each split, under the published names: train, valid and test.jsonl, all at
    once. Each row says its split."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f"{SPLIT_FILES.get(name, name)}.jsonl" for name in found}
    with Staging(overwrite) as staging:
        for name, clips in found.items():
            said = [replace(clip, split=name) for clip in clips]
            staging.part(files[name]).write_text(_text(said, folder.resolve()), encoding="utf-8")
    return files


def _text(clips: Sequence[Clip], folder: Path) -> str:
    return "".join(json.dumps(_row(clip, folder), ensure_ascii=False) + "\n" for clip in clips)


def _row(clip: Clip, folder: Path) -> dict[str, Any]:
    def named(file: Path | None) -> str | None:
        if file is None:
            return None
        whole = file if file.is_absolute() else Path.cwd() / file
        return str(whole.relative_to(folder) if whole.is_relative_to(folder) else whole)

    row = clip.to_dict()
    more = ("id", "start_s", "end_s", "source", "split")
    rest: dict[str, Any] = {k: row[k] for k in more if k in row}
    return {
        "video_path": named(clip.film),
        "audio_file": named(clip.sound),
        "description": clip.caption,
        **rest,
    }


def _json_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    if text.lstrip().startswith("["):
        try:
            numbered = list(enumerate(json.loads(text), 1))
        except json.JSONDecodeError as error:
            raise ConfigError(f"This is not JSON: {error}.", path=path) from error
    else:
        numbered = []
        for number, line in enumerate(text.split("\n"), 1):
            if not line.strip():
                continue
            try:
                numbered.append((number, json.loads(line)))
            except json.JSONDecodeError as error:
                raise ConfigError(f"Line {number} is not JSON: {error}.", path=path) from error
    for number, row in numbered:
        if not isinstance(row, dict):
            raise ConfigError(f"Line {number} is not an object with names and values.", path=path)
        yield number, row


def _csv_rows(text: str, path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    names = reader.fieldnames or []
    if not set(names) & {*FILM, *SOUND}:
        raise ConfigError(
            f"The list has no column of films ({', '.join(FILM)}).",
            path=path,
            hint="Its first line names the columns; VGGSound's list has none and four columns.",
        )
    for row in reader:
        yield (
            reader.line_num,
            {k: v for k, v in row.items() if k is not None and v not in (None, "")},
        )


def _first(row: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((row[n] for n in names if row.get(n) not in (None, "")), None)


def _clip(row: Mapping[str, Any], number: int, path: Path, folder: Path | None) -> Clip:
    place = f"Line {number}"
    film, sound = _files(row, path, folder)
    if film is None and sound is None:
        only = " but a feature_file, which is not used" if row.get("feature_file") else ""
        raise ConfigError(
            f"{place} names no film{only}.", path=path, hint="Give video_path or audio_file."
        )
    caption = _first(row, CAPTION)
    if isinstance(caption, list):  # AudioCaps' lists have several; the first is the usual one
        caption = caption[0] if caption else None
    start, end = (_seconds(_first(row, names), place, path) for names in (START, END))
    split = _first(row, ("split",))
    if split is not None and str(split).lower() not in SPLIT_NAMES:
        raise ConfigError(
            f"{place}: the split {split!r} is none of {', '.join(SPLITS)}.", path=path
        )
    stem = str((film or sound or Path()).with_suffix("").name)
    name = str(_first(row, ("id",)) or _named(stem, start, end))
    try:
        return Clip(
            id=name,
            film=film,
            sound=sound,
            caption=None if caption is None else str(caption).strip() or None,
            start_s=start or Fraction(0),
            end_s=end,
            source=str(_first(row, SOURCE) or source_of(stem)),
            split=None if split is None else SPLIT_NAMES[str(split).lower()],
        )
    except ValueError as error:
        raise ConfigError(f"{place}: {error}.", path=path) from error


def _files(
    row: Mapping[str, Any], path: Path, folder: Path | None
) -> tuple[Path | None, Path | None]:
    """A row's film and sound. A ``location`` is whichever of both its name says."""
    film, sound = _first(row, FILM), _first(row, SOUND)
    if film is not None and Path(str(film)).suffix.lower() in SOUNDS:
        film, sound = None, sound or film
    if sound is not None and sound == film:
        sound = None
    return _located(film, path, folder), _located(sound, path, folder)


def _located(name: Any, manifest: Path, folder: Path | None) -> Path | None:
    """Where a file is that a row names: beneath ``folder``, beside the manifest, or here."""
    if name is None:
        return None
    file = Path(str(name))
    if file.is_absolute():
        return file
    bases = [folder] if folder is not None else [manifest.parent, Path()]
    return next((b / file for b in bases if (b / file).exists()), bases[0] / file)


def _seconds(value: Any, place: str, path: Path) -> Fraction | None:
    if value is None:
        return None
    try:
        return Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError):
        raise ConfigError(f"{place}: {value!r} is no number of seconds.", path=path) from None


def _named(stem: str, start_s: Fraction | None, end_s: Fraction | None) -> str:
    """A name of its own for a stretch of a file: start and end in milliseconds, as AudioSet's."""
    if start_s is None and end_s is None:
        return stem
    end = "end" if end_s is None else str(round(end_s * 1000))
    return f"{stem}_{round((start_s or 0) * 1000)}_{end}"


def _check_names(clips: Sequence[Clip], numbers: Sequence[int], path: Path) -> None:
    seen: dict[str, int] = {}
    for clip, number in zip(clips, numbers, strict=True):
        if clip.id in seen:
            raise ConfigError(
                f"Lines {seen[clip.id]} and {number} both are the clip {clip.id!r}.",
                path=path,
                hint="Give each clip an id of its own, or drop one of the two.",
            )
        seen[clip.id] = number
