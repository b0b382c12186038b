"""How often windows were found: counts of the last runs, and of all."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

FILE, LOCK = "runs.json", ".runs.lock"
PATIENCE_S = 2.0


@dataclass(frozen=True)
class Runs:
    """``runs`` that asked for windows, how many they ``reused`` and ``made``, and the last one's
    counts."""

    runs: int = 0
    reused: int = 0
    made: int = 0
    last_reused: int = 0
    last_made: int = 0

    def plus(self, reused: int, made: int) -> Runs:
        return Runs(self.runs + 1, self.reused + reused, self.made + made, reused, made)

    @property
    def rate(self) -> float | None:
        """The share of windows that were reused; None before the first."""
        asked = self.reused + self.made
        return self.reused / asked if asked else None


def read_runs(folder: Path) -> Runs:
    """What is known; nothing where the file is not there or no such thing."""
    try:
        said = json.loads((folder / FILE).read_text(encoding="utf-8"))
        known = Runs(**said)
    except (OSError, ValueError, TypeError):
        return Runs()
    return known if all(isinstance(v, int) for v in asdict(known).values()) else Runs()


def count_run(folder: Path, reused: int, made: int) -> None:
    """Add a run to what is known, one process at a time; where that cannot be, it is left out."""
    if not reused + made or not folder.is_dir():
        return
    from filelock import FileLock, Timeout

    part = folder / f".{FILE}"
    try:
        with FileLock(folder / LOCK, timeout=PATIENCE_S):
            part.write_text(json.dumps(asdict(read_runs(folder).plus(reused, made))))
            part.replace(folder / FILE)
    except (OSError, Timeout):
        return
