"""Words to points: a static sentence space, small enough to ship and instant on any machine.

A sentence is the sum of one vector per word piece, scaled to length 1. The vectors come from a
sentence transformer that was asked about every word piece once, when the weights were made (see
:mod:`vtacli.training.distil`); how much a word counts is already in its vector's length, so
frequent words such as "the" hardly turn the sum. Nothing is left of the transformer at run time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.mini.forms import WordForms

EMBEDDINGS = "embeddings.safetensors"
TOKENIZER = "tokenizer.json"
CONFIG = "config.json"

UNKNOWN_ID = 0
"""Row of the word piece that stands for everything the vocabulary lacks. It is left out of sums."""

SHORTEST = 1e-6
"""A sum shorter than this has no direction: the text counts as unknown."""


class TextSpace:
    """The table of word-piece vectors and the tokenizer that finds their rows.

    ``rows``: (V, D) int8; ``scales``: (V,) float32, so that a vector is ``scales[i] * rows[i]``.
    ``forms``: how inflected words are read; None reads every word as it is.
    """

    def __init__(
        self,
        tokenizer: Tokenizer,
        rows: npt.NDArray[np.int8],
        scales: npt.NDArray[np.float32],
        forms: WordForms | None = None,
    ):
        if rows.ndim != 2 or scales.shape != rows.shape[:1]:
            raise ValueError(f"rows are (V, D) and scales (V,), got {rows.shape}, {scales.shape}")
        if tokenizer.get_vocab_size() != len(rows):
            raise ValueError(
                f"the tokenizer has {tokenizer.get_vocab_size()} word pieces, "
                f"the table {len(rows)} rows"
            )
        tokenizer.no_padding()
        tokenizer.no_truncation()
        self._tokenizer = tokenizer
        self._rows = rows
        self._scales = scales
        self._forms = forms

    def reading(self, labels: Iterable[str]) -> TextSpace:
        """The same space, in which a word that no label has is read as its kin among them."""
        return TextSpace(self._tokenizer, self._rows, self._scales, WordForms(labels))

    @classmethod
    def from_folder(cls, folder: Path) -> TextSpace:
        """Load ``embeddings.safetensors``, ``tokenizer.json`` and ``config.json`` of a folder.

        Raises WeightsMissing if one is absent, WeightsRefused if they do not fit each other.
        """
        for name in (EMBEDDINGS, TOKENIZER, CONFIG):
            if not (folder / name).is_file():
                raise WeightsMissing("this part of the text space is absent.", path=folder / name)
        try:
            config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
            tensors = load_file(folder / EMBEDDINGS)
            tokenizer = _read_tokenizer(folder / TOKENIZER)
            if set(tensors) != {"rows", "scales"}:
                raise ValueError(f"expected the tensors rows and scales, found {sorted(tensors)}")
            rows, scales = tensors["rows"], tensors["scales"]
            if rows.dtype != np.int8 or scales.dtype != np.float32:
                raise ValueError(f"expected int8 and float32, found {rows.dtype}, {scales.dtype}")
            if not isinstance(config, dict) or rows.shape != (
                config.get("vocabulary"),
                config.get("dimensions"),
            ):
                raise ValueError(f"config.json does not describe a table of {rows.shape}")
            return cls(tokenizer, rows, scales)
        except (ValueError, SafetensorError) as error:
            raise WeightsRefused(f"the text space is damaged: {error}.", path=folder) from error

    @property
    def dimensions(self) -> int:
        return int(self._rows.shape[1])

    def embed(self, texts: Sequence[str]) -> torch.Tensor:
        """A point for each text: (N, D) float32, each row of length 1.

        A text that is empty, or of which no word piece is known, gives a row of zeros. Upper and
        lower case are the same; the result does not depend on the other texts of the call.
        """
        points = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        if self._forms is not None:
            texts = [self._forms.read(text) for text in texts]
        for point, encoding in zip(
            points,
            self._tokenizer.encode_batch(list(texts), add_special_tokens=False),
            strict=True,
        ):
            ids = np.array([i for i in encoding.ids if i != UNKNOWN_ID], dtype=np.int64)
            total = (self._rows[ids] * self._scales[ids, None]).sum(axis=0)
            length = float(np.linalg.norm(total))
            if length > SHORTEST:
                point[:] = total / length
        return torch.from_numpy(points)


def _read_tokenizer(path: Path) -> Tokenizer:
    text = path.read_text(encoding="utf-8")
    try:
        return Tokenizer.from_str(text)
    except Exception as error:  # the library raises nothing narrower
        raise ValueError(f"{path.name} is no tokenizer ({error})") from error


def quantise(
    vectors: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.float32]]:
    """(V, D) float vectors as int8 rows and one scale a row, the largest entry becoming ±127."""
    scales = np.abs(vectors).max(axis=1).astype(np.float32) / np.float32(127)
    safe = np.where(scales > 0, scales, np.float32(1))
    rows = np.rint(vectors / safe[:, None]).astype(np.int8)
    return rows, scales
