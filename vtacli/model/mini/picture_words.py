"""From what is seen to what is heard: ImageNet's classes as phrases of the text space.

The table ``picture_words.csv`` says for each of the 1000 classes which sound such a thing makes in
a film, if any, and how surely (``weight`` in 0..1). A picture's class probabilities become, through
it, a mixture of phrases, and so a point in the very space in which prompts lie.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources

CLASSES = 1000


@dataclass(frozen=True)
class Row:
    """One class: its names as ImageNet lists them, its sound (or ""), and how surely in 0..1."""

    index: int
    name: str
    sound: str
    weight: float


def shipped_rows() -> list[Row]:
    """The table, in the order of the classes."""
    text = (resources.files("vtacli.model.mini") / "picture_words.csv").read_text("utf-8")
    return [
        Row(int(r["index"]), r["name"], r["sound"], float(r["weight"]))
        for r in csv.DictReader(text.splitlines())
    ]
