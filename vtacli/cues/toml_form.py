"""Cue sheets in TOML: the form for people, which explains itself."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import Any

from vtacli.cues.sheet import FILM_KEYS, HEAD_KEYS, VERSION, RawSheet, Table
from vtacli.cues.times import number_of
from vtacli.errors import ConfigError, printable
from vtacli.store.toml_lines import line_of

_AT_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)")

TEACHING = """\
# Cue sheet of {title}: what is to be heard in each scene. Change it, then
#
#     vta generate {film} --cues {sheet}
#
# What stands after a # is for you alone. Take the # away to make use of a line.
#
# start, end  Where the scene lies. All times count from the film's first picture: seconds (12.5),
#             HH:MM:SS.mmm, or frames, HH:MM:SS:FF (drop-frame HH:MM:SS;FF).
#             Without an end, a scene goes on to the next one.
# prompt      What is to be heard. It comes before --prompt; without either, the picture is
#             guessed at.
# negative    What is not to be heard.
# seed        Another number, another sound.
# takes       How many to make, to choose from.
# gain_db     By how much louder than the rest, or softer (-6).
# mute        true: silence, and nothing is made.
# lock        true: a session keeps its sound as it is.
# hits        Moments that must be heard, as times in the film: [4.5, "00:00:06:10@0.5"].
#             After the @ stands the strength, above 0 and at most 1.
# hits_from   A file of such moments beside this one: labels of Audacity, or lines of time,strength.
#
# starts_at   In [film]: the timecode of the first picture, from which HH:MM:SS:FF count.
#             If left out: 00:00:00:00.
#
# gaps says what happens where no scene is written: "film" makes sound by --prompt or by the
# picture, "silent" leaves it silent.
"""


def read_toml(path: Path, text: str) -> RawSheet:
    """Raises ConfigError, with the line, for what is no TOML or has another shape than a sheet."""
    try:
        found = tomllib.loads(text, parse_float=number_of)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = _AT_LINE.search(message)
        line = at[1] if at and at[1] else str(len(text.splitlines()) or 1)
        said = _AT_LINE.sub("", message)
        raise ConfigError(
            f"Line {line}: this is no TOML: {said}.", path=path, hint="Texts stand in quotes."
        ) from None
    except (ValueError, RecursionError) as error:  # of numbers, and of brackets without end
        raise ConfigError(f"This is no TOML that can be read: {error}.", path=path) from None
    rows = found.pop("scene", [])
    film = found.pop("film", {})
    head = Table(path, "a cue sheet", found, lambda key: _root_line(text, key))
    head.check_keys((*HEAD_KEYS, "film", "scene"))
    if not isinstance(film, dict):
        head.refuse(None, "film is a table.", "Write [film] on a line of its own.")
    about = Table(path, "[film]", film, lambda key: line_of(text, "film", key))
    about.check_keys(FILM_KEYS)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        line = line_of(text, "scene")
        where = f"Line {line}: " if line else ""
        raise ConfigError(
            f"{where}scenes are tables of an array.", path=path, hint="Write [[scene]] above each."
        )
    tables = [Table(path, f"scene {i + 1}", row, _row_line(text, i)) for i, row in enumerate(rows)]
    return RawSheet(path, head, about, tuple(tables))


def write_toml(
    path: Path,
    head: dict[str, Any],
    film: dict[str, Any],
    rows: Sequence[dict[str, Any]],
    remarks: Sequence[str],
    own_start: str | None = None,
) -> str:
    """The sheet as text. ``remarks``: what to say of each row, a line beside its header and others
    beneath it. ``own_start``:
    the film's own timecode, from which the sheet's labels do not count."""
    film_name, sheet = film.get("name") or "IN", printable(path.name)
    names = {"film": quote(film_name), "sheet": quote(sheet)}
    lines = [TEACHING.format(title=film_name, **names)]
    lines += [_pair(k, v) for k, v in {"version": VERSION, **head}.items()]
    lines += ["", "[film]", *(_pair(k, v) for k, v in film.items() if v is not None)]
    if own_start is not None and any(c not in "0:;." for c in own_start):
        lines += [
            f"# The film's own timecode starts at {printable(own_start)}. For a sheet that counts",
            f"# as it does: vta plan {names['film']} --save {names['sheet']} "
            f"--tc-start '{printable(own_start)}'",
        ]
    for row, remark in zip(rows, remarks, strict=True):
        first, *more = map(printable, remark.splitlines())
        lines += ["", f"[[scene]]  # {first}", *(f"# {line}" for line in more), *_row(row)]
    return "\n".join(lines) + "\n"


def _row(row: dict[str, Any]) -> Iterator[str]:
    guess = row.get("guess")
    for key in ("start", "end"):
        yield _pair(key, row[key])
    if row.get("prompt") is None:
        yield f"# prompt = {_quoted(guess or '')}"
    for key, value in row.items():
        if key not in ("scene", "start", "end", "guess") and value is not None:
            yield _pair(key, value)


def _pair(key: str, value: Any) -> str:
    return f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return f"[{', '.join(_value(v) for v in value)}]"
    return repr(value)


def _quoted(text: str) -> str:
    """A basic string: JSON's escapes are among TOML's, which wants U+007F escaped besides."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _root_line(text: str, key: str | None) -> int | None:
    """Where a key of the head stands, above all tables."""
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(r"\s*\[", line):
            return number if key and re.match(rf"\s*\[+\s*{re.escape(key)}\b", line) else None
        if key is not None and re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[.=]", line):
            return number
    return None


def _row_line(text: str, index: int) -> Any:
    return lambda key: line_of(text, "scene", key, index)
