"""What was measured, kept as it is measured, so that a run that was cut goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = dict[str, Any]


def digest(*things: Any) -> str:
    """16 hex digits that differ when any of these JSON values does."""
    text = json.dumps(things, sort_keys=True, ensure_ascii=False)
    return sha256(text.encode()).hexdigest()[:16]


class Notebook:
    """One file, a JSON line for each item: its name and what was measured of it.

    The name of the file holds a hash of whatever decides the results, so a notebook never
    answers for another model or other settings. A line that was cut off is measured again.
    """

    def __init__(self, folder: Path, section: str, bound_to: str):
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{section}-{bound_to}.jsonl"
        self.rows: dict[str, Row] = {}
        if self.path.is_file():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                with suppress(json.JSONDecodeError, KeyError, TypeError):
                    entry = json.loads(line)
                    self.rows[entry["item"]] = entry["row"]

    def measured(self, item: str, measure: Callable[[], Row], files: tuple[Path, ...] = ()) -> Row:
        """What is known of ``item``, measured now unless it was before and its ``files`` (made
        along with it) are all still there."""
        if item not in self.rows or not all(f.is_file() for f in files):
            row = measure()
            begin = "" if self._ends_clean() else "\n"
            with self.path.open("a", encoding="utf-8") as file:
                file.write(begin + json.dumps({"item": item, "row": row}) + "\n")
            self.rows[item] = row
        return self.rows[item]

    def _ends_clean(self) -> bool:
        if not self.path.is_file() or not self.path.stat().st_size:
            return True
        with self.path.open("rb") as file:
            file.seek(-1, 2)
            return file.read(1) == b"\n"


def packed(values: NDArray[np.floating[Any]]) -> str:
    """A vector as text: float16 in hexadecimal, 4 digits a value."""
    return np.asarray(values, "<f2").tobytes().hex()


def unpacked(text: str) -> NDArray[np.float64]:
    """The vector that :func:`packed` wrote."""
    return np.frombuffer(bytes.fromhex(text), "<f2").astype(np.float64)
