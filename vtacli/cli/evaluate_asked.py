"""What ``vta evaluate`` was asked of a folder of films, or of people's answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Asked:
    """The flags, as they were given. ``form``: json, markdown, csv, or nothing for a table.
    ``desync``: None where it is measured if its weights are there."""

    films: Path | None
    generated: tuple[Path, ...]
    listener: str
    hits: Path | None
    captions: Path | None
    tell: str | None
    seconds: float
    tolerance_s: float
    flow_side_px: int
    listen: bool
    questions: str
    answers: tuple[Path, ...]
    seed: int
    output: Path
    model: str
    weights_dir: Path | None
    tagger: Path | None
    device: str
    form: str
    desync: bool | None = None
