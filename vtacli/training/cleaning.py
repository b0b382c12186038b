"""What listening and measuring found: recordings that are not fit, and labels that mislead.

``unfit.csv`` (file, reason, note) lists recordings to leave out; ``relabelled.csv`` (file, label)
gives others the words that are true of them. Both speak of files of the public collections.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

_HERE = Path(__file__).parent
REASONS = ("speech", "music", "synthetic", "mislabelled", "near silent", "hum", "clipped", "noise")


@cache
def unfit() -> dict[str, str]:
    """file -> one of :data:`REASONS`, for each recording that is left out."""
    with (_HERE / "unfit.csv").open(newline="", encoding="utf-8") as handle:
        return {row["file"]: row["reason"] for row in csv.DictReader(handle)}


@cache
def relabelled() -> dict[str, str]:
    """file -> the label that is true of it, for recordings whose own label misleads."""
    with (_HERE / "relabelled.csv").open(newline="", encoding="utf-8") as handle:
        return {row["file"]: row["label"] for row in csv.DictReader(handle)}
