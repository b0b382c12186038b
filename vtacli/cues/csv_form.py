"""Cue sheets in CSV: the form for spreadsheets, as they write it and as it survives them.

The first row names the columns. Rows whose first cell begins with ``#`` say something of the sheet
(``#film``, ``#duration``, …) or nothing to the program. Commas, semicolons or tabs part the cells;
where it is not commas, numbers may have a decimal comma, as spreadsheets of many countries write.
Times are written as labels or with an ``s``, which no spreadsheet takes for a clock or a date.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from vtacli.cues.sheet import FILM_KEYS, HEAD_KEYS, NOTES, ROW_KEYS, VERSION, RawSheet, Table
from vtacli.cues.times import number_of
from vtacli.errors import ConfigError, printable

_FILM = {"film": "name"} | {k: k for k in FILM_KEYS if k != "name"}
"""The keys of ``[film]``, by what stands for them after the ``#``."""
TEXTS = ("prompt", "negative", "hits_from", *NOTES)
YES = ("yes", "true", "1", "x", "wahr", "ja", "vrai", "oui")
NO = ("no", "false", "0", "falsch", "nein", "faux", "non")
"""A spreadsheet turns ``true`` into the word of its own country."""
_DECIMAL_COMMA = re.compile(r"-?\d+,\d+", re.ASCII)
_NUMBER = re.compile(r"[-+]?\d+(\.\d+)?([eE][-+]?\d+)?", re.ASCII)


def read_csv(path: Path, text: str) -> RawSheet:
    """Raises ConfigError, with the line, for what has another shape than a sheet."""
    mark, skipped = _separator(text)
    head, film, lines = dict[str, Any](), dict[str, Any](), dict[str, int]()
    columns, tables = list[str](), list[Table]()
    for line, cells in _rows(path, text, mark, skipped):
        first = cells[0].strip()
        key = first[1:].strip().lower()
        # words may begin with such a mark: where they come first, only known keys are none
        worded = bool(columns) and columns[0] in TEXTS and key not in (*_FILM, *HEAD_KEYS)
        if first.startswith("#") and not worded:
            value = cells[1].strip() if len(cells) > 1 else ""
            if value and (key in _FILM or key in HEAD_KEYS):
                into = film if key in _FILM else head
                into[_FILM.get(key, key)] = int(value) if value == str(VERSION) else value
                lines[_FILM.get(key, key)] = line
        elif not columns:
            columns = _columns(path, line, cells)
        else:
            tables.append(_table(path, line, columns, cells, mark, len(tables) + 1))
    where = lines.get
    return RawSheet(
        path,
        Table(path, "a cue sheet", head, lambda key: where(key or "")),
        Table(path, "the film", film, lambda key: where(key or "")),
        tuple(tables),
    )


def write_csv(head: dict[str, Any], film: dict[str, Any], rows: Sequence[dict[str, Any]]) -> str:
    """The sheet as text. Every column is there, so that it can be filled in."""
    out = io.StringIO()
    writer = csv.writer(out)  # RFC 4180: commas, CRLF
    columns = [k for k in (*ROW_KEYS, *NOTES) if k not in NOTES or any(r.get(k) for r in rows)]
    writer.writerow(columns)
    said = {"version": VERSION, **head} | {k: film.get(v) for k, v in _FILM.items()}
    for row in rows:
        writer.writerow([_cell(row.get(k)) for k in columns])
    for key, value in said.items():
        if value is not None:
            writer.writerow([f"#{key}", str(value)])
    return out.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else ""
    return " ".join(value) if isinstance(value, list) else str(value)


def _separator(text: str) -> tuple[str, int]:
    """What parts the cells, and how many lines only say so."""
    first, _, _ = text.partition("\n")
    if found := re.fullmatch(r"sep=(.)\s*", first):
        return found[1], 1
    for line in text.splitlines():
        if line.strip():
            return max(",;\t", key=line.count), 0
    return ",", 0


def _rows(path: Path, text: str, mark: str, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """The line on which each row begins, and its cells; rows without any are passed over."""
    lines = list(io.StringIO(text, newline=""))[skipped:]
    # a reader that is given lines counts them, also those within quotes
    reader = csv.reader(lines, delimiter=mark, strict=True)
    begins = 1
    try:
        for cells in reader:
            if any(c.strip() for c in cells):
                yield begins + skipped, cells
            begins = reader.line_num + 1
    except csv.Error as error:
        raise ConfigError(
            f"Line {begins + skipped}: this is no CSV: {error}.",
            path=path,
            hint="A quote within a quoted cell is written twice.",
        ) from None


def _columns(path: Path, line: int, cells: list[str]) -> list[str]:
    """The keys that the columns hold, "" for one without a name."""
    names = [re.sub(r"[\s-]+", "_", c.strip().lower()) for c in cells]
    table = Table(path, "a cue sheet", {n: c for n, c in zip(names, cells, strict=True) if n},
                  lambda key: line)  # fmt: skip
    if "start" not in names and not any(n in ROW_KEYS for n in names):
        table.refuse(None, "this row does not name the columns.", "Begin with: start,end,prompt")
    table.check_keys(ROW_KEYS + NOTES)
    twice = [n for n in names if n and names.count(n) > 1]
    if twice:
        table.refuse(None, f"there are two columns {twice[0]}.")
    return names


def _table(
    path: Path, line: int, columns: list[str], cells: list[str], mark: str, number: int
) -> Table:
    table = Table(path, f"scene {number}", {}, lambda key: line)
    if any(c.strip() for c in cells[len(columns) :]):
        table.refuse(None, "there are more cells than columns.", "Put quotes around a text with "
                     f"{'commas' if mark == ',' else 'such marks'} in it.")  # fmt: skip
    values: dict[str, Any] = {}
    for key, cell in zip(columns, cells, strict=False):
        if key and cell.strip():
            try:
                values[key] = _typed(key, cell, mark)
            except ValueError as error:
                table.refuse(key, f"{key}: {error}.")
    return Table(path, table.what, values, table.line_of)


def _typed(key: str, cell: str, mark: str) -> Any:
    """A cell as the value that the other forms would have; text where it is no such thing."""
    if key in TEXTS:
        return cell
    text = cell.strip()
    if key in ("mute", "lock"):
        word = text.lower()
        if word not in YES + NO:
            raise ValueError(f"{printable(text[:40])!r} is neither yes nor no")
        return word in YES
    if key == "hits":
        parts = [p.rstrip(",") for p in text.split()]
        return [_with_point(p, mark) for p in parts if p]
    text = _with_point(text, mark)
    if key in ("scene", "seed", "takes", "gain_db") and _NUMBER.fullmatch(text):
        if key == "seed" and "e" in text.lower():
            raise ValueError(f"{text} was rounded by a spreadsheet; write it as a text")
        return number_of(text)
    return text


def _with_point(text: str, mark: str) -> str:
    """With a decimal point, where commas do not part the cells."""
    if mark == ",":
        return text
    number, at, strength = text.partition("@")
    both = (n.replace(",", ".") if _DECIMAL_COMMA.fullmatch(n) else n for n in (number, strength))
    return at.join(both) if at else next(both)
