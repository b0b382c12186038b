"""Who listens when sets of sounds are compared: an embedding, and a distribution over classes.

The figures of FAD, KID, IS and KL are those of one listener, and mean nothing beside another's.
YAMNet comes with the program. Others are opened from a folder of weights that somebody put on a
shelf; their loaders are strict, and none stands in for another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soxr
import torch
from numpy.typing import NDArray

from vtacli.errors import ConfigError, WeightsMissing
from vtacli.evaluation.metrics.classes import softmax
from vtacli.evaluation.metrics.levels import SILENT_DBFS
from vtacli.model.yamnet import (
    HOP,
    PATCH_HOP_FRAMES,
    PATCH_SAMPLES,
    RATE_HZ,
    Yamnet,
    class_names,
)
from vtacli.signal.media import Audio

LEAST = 1e-9
"""Tags' scores are at least this, and as far from 1, before their logits are taken."""


@dataclass(frozen=True)
class Listened:
    """``embeddings``: (P, D) float32, a row a stretch of sound that is not silent, and so none for
    silence. ``classes``: (Q, C) float32, a distribution a stretch; None where the listener knows
    no classes."""

    embeddings: NDArray[np.float32]
    classes: NDArray[np.float32] | None


class SetListener(Protocol):
    """``about``: what it is, for the table."""

    name: str
    about: str

    def listen(self, sound: Audio) -> Listened:
        """One sound of any rate, length and number of channels."""
        ...


def mono_at(sound: Audio, rate_hz: int) -> NDArray[np.float32]:
    """(N,) the mean of a sound's channels at another rate."""
    wave = np.asarray(sound.data.mean(axis=0), np.float32)
    if sound.rate_hz != rate_hz and len(wave):
        wave = np.asarray(soxr.resample(wave, sound.rate_hz, rate_hz), np.float32)
    return wave


class YamnetListener:
    """YAMNet: 1024 numbers and 521 AudioSet classes for each 0.96 s, every 0.48 s.

    Its embedding of near silence is eight times as long as that of any sound, so that a clip's
    pauses would decide every distance of sets. Stretches under -60 dBFS therefore have no
    embedding (their share of the time is a figure of its own); they do have classes, of which
    silence is one.
    """

    name = "yamnet"
    about = (
        "YAMNet, 1024 numbers each 0.48 s that is not silent; classes: softmax of its 521 logits"
    )

    def __init__(self, folder: Path):
        self.tagger = Yamnet.from_folder(folder)
        self.names = class_names(folder)

    @torch.no_grad()
    def listen(self, sound: Audio) -> Listened:
        wave = mono_at(sound, RATE_HZ)
        tags = self.tagger(torch.from_numpy(wave))
        scores = np.clip(tags.scores[0].double().numpy(), LEAST, 1 - LEAST)
        classes = softmax(np.log(scores) - np.log1p(-scores))
        step = PATCH_HOP_FRAMES * HOP
        power = np.array(
            [
                np.mean(wave[i * step : i * step + PATCH_SAMPLES].astype(np.float64) ** 2)
                for i in range(len(scores))
            ]
            if len(wave)
            else [0.0]
        )
        sounding = power >= 10 ** (SILENT_DBFS / 10)
        return Listened(tags.embeddings[0].numpy()[sounding], classes.astype(np.float32))

    @torch.no_grad()
    def tags(self, sound: Audio) -> NDArray[np.float64]:
        """(521,) the mean of its scores over a sound."""
        tags = self.tagger(torch.from_numpy(mono_at(sound, RATE_HZ)))
        return np.asarray(tags.scores[0].double().mean(dim=0).numpy(), np.float64)


Opener = Callable[[Path], SetListener]

LISTENERS: dict[str, Opener] = {"yamnet": YamnetListener}
"""Name -> what opens it from its folder."""


def open_listener(name: str, folder: Path | None) -> SetListener:
    """The listener of that name. ``folder``: where its weights lie, None where they are on no
    shelf. Raises ConfigError for an unknown name, WeightsMissing, WeightsRefused."""
    if name not in LISTENERS:
        raise ConfigError(
            f"There is no listener {name!r}.", hint=f"There are {', '.join(LISTENERS)}."
        )
    if folder is None:
        raise WeightsMissing(
            f"The weights of the listener {name} are on no shelf.",
            hint=f"Put them in a folder {name} beside the models, or name yamnet.",
        )
    return LISTENERS[name](folder)
