"""What a run writes down as it goes: one JSON line for every look, and trackers that were asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError, StorageError

LOG = "log.jsonl"


class Journal:
    """``log.jsonl`` in the run's folder. Only one process writes."""

    def __init__(self, folder: Path, begun_at: int):
        self.path = folder / LOG
        # A run that goes on from step 200 has not seen what a lost one wrote of step 210.
        kept = [row for row in read_log(folder) if row["step"] <= begun_at] if begun_at else []
        self._write("w", kept)

    def add(self, step: int, **values: Any) -> None:
        self._write("a", [{"step": step, **values}])

    def _write(self, how: str, rows: Sequence[dict[str, Any]]) -> None:
        try:
            with self.path.open(how, encoding="utf-8") as file:
                file.writelines(json.dumps(row) + "\n" for row in rows)
        except OSError as error:
            raise StorageError(f"the log cannot be written: {error}", path=self.path) from error


def read_log(folder: Path) -> list[dict[str, Any]]:
    """Every line of a run's log; a last one that was cut off is left out."""
    path = folder / LOG
    rows = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.is_file() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def check_trackers(names: Sequence[str]) -> None:
    """Raise ConfigError for a tracker that is not installed."""
    for name in names:
        if find_spec(name) is None:
            raise ConfigError(
                f"the tracker {name} is not installed", hint=f"Run: pip install 'vta[{name}]'"
            )
