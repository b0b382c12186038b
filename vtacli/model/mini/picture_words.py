"""From what is seen to what is heard: ImageNet's classes as phrases of the text space.

The table ``picture_words.csv`` says for each of the 1000 classes which sound such a thing makes in
a film, if any, and how surely (``weight`` in 0..1). A picture's class probabilities become, through
it, a mixture of phrases, and so a point in the very space in which prompts lie.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib import resources
from typing import NamedTuple

import torch

from vtacli.model.guess import Seen
from vtacli.model.mini.text import TextSpace

CLASSES = 1000

FLOOR = 0.01
"""Classes less probable than this, on average over the pictures, are not evidence: there are 118
breeds of dog among the 1000, and their specks of probability would make any unclear picture bark.
"""


@dataclass(frozen=True)
class Row:
    """One class: its names as ImageNet lists them, its sound (or ""), and how surely in 0..1."""

    index: int
    name: str
    sound: str
    weight: float


class Mixture(NamedTuple):
    """What pictures may sound like.

    ``embedding`` (D,) float32 is the sum of the phrases' points by their probabilities: its
    direction says what, its length (0..1) how surely. ``guesses`` are the phrases and their
    probabilities, most probable first. ``seen``: the classes that they come from, likewise.
    """

    embedding: torch.Tensor
    guesses: list[tuple[str, float]]
    seen: tuple[Seen, ...] = ()

    @property
    def nothing(self) -> float:
        """The probability left for "no sound of its own, or none that is known"."""
        return max(0.0, 1.0 - sum(probability for _, probability in self.guesses))


class PictureWords:
    """The table, its phrases placed in a text space."""

    def __init__(self, rows: list[Row], space: TextSpace):
        if [row.index for row in rows] != list(range(CLASSES)):
            raise ValueError(f"the table has a row for each of {CLASSES} classes, in order")
        self.phrases = list(dict.fromkeys(row.sound for row in rows if row.sound))
        place = {phrase: i for i, phrase in enumerate(self.phrases)}
        self._rows = rows
        self._points = space.embed(self.phrases)
        self._weights = torch.zeros(CLASSES, len(self.phrases))
        for row in rows:
            if row.sound:
                self._weights[row.index, place[row.sound]] = row.weight

    @classmethod
    def shipped(cls, space: TextSpace) -> PictureWords:
        return cls(shipped_rows(), space)

    def mixture(self, probabilities: torch.Tensor) -> Mixture:
        """Class probabilities (T, 1000) of a window's T pictures -> what it may sound like.

        Linear in the probabilities above FLOOR, and so in time: a thing seen in half of the
        pictures counts half. No picture at all gives a vector of zeros and no guess.
        """
        if probabilities.ndim != 2 or probabilities.shape[1] != CLASSES:
            raise ValueError(f"probabilities are (T, 1000), got {tuple(probabilities.shape)}")
        if not len(probabilities):
            return Mixture(torch.zeros(self._points.shape[1]), [])
        seen = probabilities.float().mean(dim=0).cpu()
        heard = torch.where(seen >= FLOOR, seen, 0.0) @ self._weights
        guesses = [(self.phrases[i], share) for i, share in _descending(heard) if share > 0]
        things = tuple(
            Seen(self._rows[i].name.split(",")[0].strip(), share, self._rows[i].sound)
            for i, share in _descending(torch.where(seen >= FLOOR, seen, 0.0))
            if share > 0
        )
        return Mixture(heard @ self._points, guesses, things)


def _descending(shares: torch.Tensor) -> list[tuple[int, float]]:
    """(place, value) of a vector, the largest first, equal ones as they lie."""
    order = torch.argsort(shares, descending=True, stable=True)
    return list(zip(order.tolist(), shares[order].tolist(), strict=True))


def shipped_rows() -> list[Row]:
    """The table, in the order of the classes."""
    text = (resources.files("vtacli.model.mini") / "picture_words.csv").read_text("utf-8")
    return [
        Row(int(r["index"]), r["name"], r["sound"], float(r["weight"]))
        for r in csv.DictReader(text.splitlines())
    ]
