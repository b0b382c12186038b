"""What an independent listener hears in a sound: YAMNet's classes, and a point in its space."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from vtacli.evaluation.notebook import Row, packed, unpacked
from vtacli.model.yamnet import (
    HOP,
    PATCH_HOP_FRAMES,
    PATCH_SAMPLES,
    RATE_HZ,
    WEIGHTS,
    Yamnet,
    class_names,
)
from vtacli.signal.media import Audio

TOP = 10
QUIET = 0.01
"""A patch counts for the embedding where it is at most 40 dB under the loudest."""


@dataclass(frozen=True)
class Heard:
    """``scores``: (521,) in 0..1, the mean over the whole sound. ``embedding``: (1024,), the mean
    over what sounds: rests between blows say nothing of the timbre. ``level_db``: RMS in dBFS,
    not under -120."""

    scores: NDArray[np.float64]
    embedding: NDArray[np.float64]
    level_db: float

    def to_row(self) -> Row:
        return {
            "scores": packed(self.scores),
            "embedding": packed(self.embedding),
            "level_db": round(self.level_db, 2),
        }

    @staticmethod
    def from_row(row: Row) -> Heard:
        return Heard(unpacked(row["scores"]), unpacked(row["embedding"]), float(row["level_db"]))

    def likeliest(self, count: int = TOP) -> list[int]:
        """The indices of the classes with the highest scores, the highest first."""
        return [int(i) for i in np.argsort(-self.scores, kind="stable")[:count]]


class Judge:
    """YAMNet, opened once. ``names``: its 521 classes."""

    def __init__(self, folder: Path):
        self.tagger = Yamnet.from_folder(folder)
        self.names = class_names(folder)
        self.index = {name: i for i, name in enumerate(self.names)}
        self.size = (folder / WEIGHTS).stat().st_size

    @torch.no_grad()
    def hears(self, sound: Audio) -> Heard:
        """One sound, of any length and rate; channels are averaged."""
        wave = np.asarray(sound.data.mean(axis=0), dtype=np.float32)
        if sound.rate_hz != RATE_HZ:
            wave = np.asarray(soxr.resample(wave, sound.rate_hz, RATE_HZ), dtype=np.float32)
        level = float(np.sqrt(np.mean(wave.astype(np.float64) ** 2))) if len(wave) else 0.0
        tags = self.tagger(torch.from_numpy(wave))
        scores, embeddings = tags.scores[0].numpy(), tags.embeddings[0].numpy()
        step = PATCH_HOP_FRAMES * HOP
        power = np.array(
            [
                np.mean(wave[i * step : i * step + PATCH_SAMPLES].astype(np.float64) ** 2)
                for i in range(len(scores))
            ]
        )
        sounding = power >= power.max() * QUIET**2
        return Heard(
            scores.mean(axis=0).astype(np.float64),
            embeddings[sounding].mean(axis=0).astype(np.float64),
            20 * float(np.log10(max(level, 1e-6))),
        )

    def named(self, heard: Heard, count: int = TOP) -> list[str]:
        """The likeliest classes by name."""
        return [self.names[i] for i in heard.likeliest(count)]


def distance(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """1 - cosine of two embeddings; 1 where either is nothing."""
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return 1.0 - float(one @ other) / length if length > 0 else 1.0
