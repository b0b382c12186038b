"""The sound tagger as a :class:`vtacli.model.contract.Listener`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vtacli.model.yamnet import RATE_HZ, Yamnet, class_names
from vtacli.signal.media import Audio
from vtacli.signal.resample import resampled


class Ear:
    """YAMNet on the CPU, whatever the model runs on."""

    def __init__(self, tagger: Yamnet, names: Sequence[str]) -> None:
        self._tagger = tagger
        self._names = tuple(names)

    @property
    def names(self) -> Sequence[str]:
        return self._names

    @torch.no_grad()
    def hear(self, sound: Audio) -> NDArray[np.float32]:
        """(P, 521) scores in [0, 1], a row for every 0.48 s; all channels are heard as one."""
        mono = Audio(sound.data.mean(axis=0, keepdims=True), sound.rate_hz)
        if mono.rate_hz != RATE_HZ:
            parts = [part.data for part in resampled([mono], RATE_HZ)]
            mono = Audio(np.concatenate(parts, axis=1), RATE_HZ)
        scores = self._tagger(torch.from_numpy(np.ascontiguousarray(mono.data))).scores
        return np.asarray(scores[0].numpy(), np.float32)


def load_listener(folder: Path) -> Ear:
    """The tagger of a folder. Raises WeightsMissing and WeightsRefused."""
    return Ear(Yamnet.from_folder(folder), class_names(folder))
