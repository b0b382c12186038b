"""Cue sheets in JSON: the form for programs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vtacli.cues.sheet import FILM_KEYS, HEAD_KEYS, VERSION, RawSheet, Table, no_line
from vtacli.cues.times import number_of
from vtacli.errors import ConfigError, printable

_SPACE = re.compile(r"[\s,]*")


def read_json(path: Path, text: str) -> RawSheet:
    """Raises ConfigError, with the line, for what is no JSON or has another shape than a sheet."""
    try:
        found = json.loads(
            text, parse_float=number_of, parse_constant=_refused, object_pairs_hook=_once
        )
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"Line {error.lineno}: this is no JSON: {error.msg}.", path=path
        ) from None
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"This is no JSON that can be read: {error}.", path=path) from None
    shape = '{"film": {…}, "scenes": [{"start": 0, "prompt": "rain"}]}'
    if not isinstance(found, dict):
        raise ConfigError("Line 1: this is no cue sheet.", path=path, hint=f"Write {shape}.")
    rows, film = found.pop("scenes", []), found.pop("film", {})
    head = Table(path, "a cue sheet", found, lambda key: _first_line(text, key, 0, len(text)))
    head.check_keys((*HEAD_KEYS, "film", "scenes"))
    if not isinstance(film, dict):
        head.refuse("film", "film is an object.", f"Write {shape}.")
    about = Table(path, '"film"', film, lambda key: _first_line(text, key, 0, len(text)))
    about.check_keys(FILM_KEYS)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        head.refuse("scenes", "scenes are a list of objects.", f"Write {shape}.")
    places = _places(text, len(rows))
    tables = [
        Table(path, f"scene {i + 1}", row, _row_line(text, places[i]) if places else no_line)
        for i, row in enumerate(rows)
    ]
    return RawSheet(path, head, about, tuple(tables))


def write_json(head: dict[str, Any], film: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """The sheet as text; what is not said of a scene is left out."""
    said = [{k: v for k, v in row.items() if v is not None} for row in rows]
    known = {k: v for k, v in film.items() if v is not None}
    sheet = {"version": VERSION, **head, "film": known, "scenes": said}
    return json.dumps(sheet, ensure_ascii=False, indent=2) + "\n"


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose keys are each there once."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [k for k, _ in pairs]
        twice = next(k for k in names if names.count(k) > 1)
        raise ValueError(f"{printable(twice)!r} is there twice in one object")
    return found


def _refused(text: str) -> Any:
    raise ValueError(f"{text} is no number that can be used")


def _places(text: str, count: int) -> list[tuple[int, int]]:
    """Where the text of each scene begins and ends; empty where this cannot be followed."""
    decoder = json.JSONDecoder()
    for start in re.finditer(r'"scenes"\s*:\s*\[', text):
        at, places = start.end(), list[tuple[int, int]]()
        try:
            for _ in range(count):
                space = _SPACE.match(text, at)
                at = space.end() if space else at
                _, end = decoder.raw_decode(text, at)
                places.append((at, end))
                at = end
        except (ValueError, RecursionError):
            continue
        return places
    return []


def _row_line(text: str, place: tuple[int, int]) -> Callable[[str | None], int | None]:
    return lambda key: _first_line(text, key, *place) or _first_line(text, None, *place)


def _first_line(text: str, key: str | None, start: int, end: int) -> int | None:
    """The line of a key in a part of the text, or with None of the part's begin."""
    at = start
    if key is not None:
        found = re.compile(re.escape(json.dumps(key, ensure_ascii=False)) + r"\s*:").search(
            text, start, end
        )
        if found is None:
            return None
        at = found.start()
    return 1 + text.count("\n", 0, at)
