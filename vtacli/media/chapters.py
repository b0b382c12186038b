"""The chapters of a film: when they begin and end, and what they are called."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vtacli.media.container import open_film


@dataclass(frozen=True)
class Chapter:
    """Times in seconds on the container's clock."""

    start_s: Fraction
    end_s: Fraction
    title: str = ""


def chapters_of(path: Path | str) -> tuple[Chapter, ...]:
    """In the order of the file. Raises MediaError where it cannot be read."""
    with open_film(path) as container:
        return tuple(
            Chapter(
                c["start"] * Fraction(c["time_base"]),
                c["end"] * Fraction(c["time_base"]),
                c["metadata"].get("title", ""),
            )
            for c in container.chapters()
        )
