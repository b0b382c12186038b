"""Where captions and a tagger's classes meet: the text space that came with the shipped model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vtacli.model.mini.text import TextSpace

ENCODER, TEXT = "encoder", "text"
"""Folders of the shipped model."""


class WordSpace:
    """``class_points``: (C, D) float64, each class's name in the space, of length 1 or 0."""

    def __init__(self, space: TextSpace, classes: Sequence[str]) -> None:
        self._space = space
        self.class_points = self._points(classes)

    @classmethod
    def of_model(cls, folder: Path, classes: Sequence[str]) -> WordSpace:
        """The text space of a model's folder. Raises WeightsMissing, WeightsRefused."""
        return cls(TextSpace.from_folder(folder / ENCODER / TEXT), classes)

    def point(self, caption: str) -> NDArray[np.float64]:
        """(D,) of length 1, or 0 where no word is known."""
        return np.asarray(self._points([caption])[0])

    def _points(self, texts: Sequence[str]) -> NDArray[np.float64]:
        return np.asarray(self._space.embed(texts).numpy(), np.float64)
