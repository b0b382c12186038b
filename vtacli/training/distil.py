"""Make the text space: ask a sentence transformer about every word piece once, and keep a table.

The start is Model2Vec's recipe (Tulkens and van Dongen, 2024): each word piece goes through the
teacher alone, its output is averaged, principal components keep the most telling directions, and
frequent pieces are shortened by smooth inverse frequency (Arora et al., 2017) with the rank in
the vocabulary standing in for the frequency (Zipf). :mod:`vtacli.training.refine` goes on from it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from vtacli.model.mini.text import CONFIG, EMBEDDINGS, TOKENIZER, TextSpace, quantise

Floats = npt.NDArray[np.float32]

SIF = 1e-3
"""Smooth inverse frequency: a piece of probability p is weighted by SIF / (SIF + p)."""

PLAIN_PIECE = re.compile(r"(##)?[a-z0-9]+")
"""What is kept of the vocabulary. The tokenizer strips accents, so other scripts alone are lost,
and punctuation, which has nothing to say about a sound."""


def unit(points: Floats) -> Floats:
    """(N, D) with every row scaled to length 1; a row of zeros stays."""
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points / np.maximum(lengths, 1e-9), dtype=np.float32)


class Teacher:
    """all-MiniLM-L6-v2 or another BERT-like sentence encoder that averages its tokens."""

    def __init__(self, folder: Path):
        from transformers import AutoModel

        self.tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.model: Any = AutoModel.from_pretrained(folder, local_files_only=True).eval()

    def pieces(self, ids: Sequence[int], batch: int = 512) -> Floats:
        """(N, 384): the mean output for ``[CLS] piece [SEP]``, one piece at a time."""
        vocabulary: dict[str, int] = self.tokenizer.get_vocab()
        first, last = vocabulary["[CLS]"], vocabulary["[SEP]"]
        return self._means([[first, i, last] for i in ids], batch)

    def sentences(self, texts: Sequence[str], batch: int = 256) -> Floats:
        """(N, 384): unit sentence embeddings, as the teacher is meant to be used."""
        encoded = [e.ids for e in self.tokenizer.encode_batch(list(texts))]
        return unit(self._means(encoded, batch))

    @torch.inference_mode()
    def _means(self, encoded: list[list[int]], batch: int) -> Floats:
        # Sorted by length, a batch has next to no padding.
        order = sorted(range(len(encoded)), key=lambda i: len(encoded[i]))
        out = np.zeros((len(encoded), self.model.config.hidden_size), dtype=np.float32)
        for start in range(0, len(order), batch):
            part = order[start : start + batch]
            longest = len(encoded[part[-1]])
            ids = torch.zeros(len(part), longest, dtype=torch.long)
            mask = torch.zeros(len(part), longest, dtype=torch.long)
            for row, i in enumerate(part):
                ids[row, : len(encoded[i])] = torch.tensor(encoded[i])
                mask[row, : len(encoded[i])] = 1
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
            weights = mask[:, :, None].float()
            out[part] = ((hidden * weights).sum(1) / weights.sum(1)).numpy()
        return out


def prune(tokenizer_json: str) -> tuple[str, list[int]]:
    """The tokenizer with plain pieces alone, row 0 being [UNK], and the old id of every row."""
    spec = json.loads(tokenizer_json)
    old: dict[str, int] = spec["model"]["vocab"]
    kept = ["[UNK]", *(p for p in sorted(old, key=lambda p: old[p]) if PLAIN_PIECE.fullmatch(p))]
    spec["model"]["vocab"] = {piece: row for row, piece in enumerate(kept)}
    spec["added_tokens"] = [{**t, "id": 0} for t in spec["added_tokens"] if t["content"] == "[UNK]"]
    spec["post_processor"] = spec["truncation"] = spec["padding"] = None
    return json.dumps(spec, ensure_ascii=False, separators=(",", ":")), [old[p] for p in kept]


def zipf_weights(count: int) -> Floats:
    """Weight of the piece of each rank: SIF / (SIF + p), p falling as 1 / (rank + 2)."""
    inverse_rank = 1.0 / np.arange(2, count + 2)
    weights = SIF / (SIF + inverse_rank / inverse_rank.sum())
    return np.asarray(weights, dtype=np.float32)


def principal_axes(points: Floats, dimensions: int) -> tuple[Floats, Floats]:
    """The mean (D,) of (N, D) points and their first axes (D, dimensions), strongest first."""
    mean = points.mean(axis=0)
    _, _, axes = np.linalg.svd(points - mean, full_matrices=False)
    return mean, np.ascontiguousarray(axes[:dimensions].T)


def first_table(pieces: Floats, mean: Floats, axes: Floats) -> Floats:
    """(V, d): the pieces' (V, D) teacher vectors centred, projected and weighted.

    Row 0, the unknown piece, is zero.
    """
    table = ((unit(pieces) - mean) @ axes) * zipf_weights(len(pieces))[:, None]
    table[0] = 0
    return np.asarray(table, dtype=np.float32)


def save_space(folder: Path, tokenizer_json: str, table: Floats, facts: dict[str, object]) -> None:
    """Write the three files that :meth:`TextSpace.from_folder` reads, and read them back."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, scales = quantise(table)
    save_file({"rows": rows, "scales": scales}, folder / EMBEDDINGS)
    (folder / TOKENIZER).write_text(tokenizer_json, encoding="utf-8")
    config = {"vocabulary": len(rows), "dimensions": rows.shape[1], **facts}
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    (folder / EMBEDDINGS).chmod(0o644)  # safetensors gives it to its owner alone
    TextSpace.from_folder(folder)
