"""Listeners whose weights do not come with the program: VGGish, PANNs' Cnn14, and CLAP.

Each is opened from its folder on a shelf, every name held against the network's own. VGGish and
Cnn14 are written here and held against the published code; CLAP is transformers' own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from vtacli.errors import WeightsRefused
from vtacli.evaluation.listening_to import Listened, mono_at, sounding
from vtacli.evaluation.metrics.classes import softmax
from vtacli.model import panns, vggish
from vtacli.model.clap import Clap
from vtacli.model.published import load_pickle, one_file
from vtacli.model.strict import check_keys
from vtacli.signal.media import Audio
from vtacli.signal.stretches import windows_of

WINDOW_S = 10
"""Cnn14 was trained on ten seconds at a time."""


class VggishListener:
    """VGGish's 128 numbers each 0.96 s: what FAD was published with. It knows no classes."""

    name = "vggish"
    about = "VGGish (torchvggish's weights, no PCA), 128 numbers each 0.96 s that is not silent"

    def __init__(self, folder: Path):
        self.network = vggish.Vggish()
        path, state = read_state(folder)
        state = {k: v for k, v in state.items() if not k.startswith("pproc.")}
        load_strictly(self.network, state, path)

    @torch.no_grad()
    def listen(self, sound: Audio) -> Listened:
        wave = mono_at(sound, vggish.RATE_HZ)
        found = self.network(vggish.examples_of(wave)).numpy()
        step = vggish.EXAMPLE_FRAMES * vggish.HOP
        kept = sounding(wave, step, vggish.EXAMPLE_SAMPLES, len(found))
        return Listened(found[kept], None)


class PannsListener:
    """Cnn14's 2048 numbers and 527 classes for each ten seconds, or what is left of them."""

    name = "panns"
    about = "PANNs Cnn14, 2048 numbers each 10 s; classes: softmax of its 527 logits"

    def __init__(self, folder: Path):
        self.network = panns.Cnn14()
        path, state = read_state(folder)
        state = state.get("model", state)
        load_strictly(
            self.network, {k: v for k, v in state.items() if k not in panns.FOURIER}, path
        )

    @torch.no_grad()
    def listen(self, sound: Audio) -> Listened:
        wave = mono_at(sound, panns.RATE_HZ)
        parts = windows_of(wave, WINDOW_S * panns.RATE_HZ)
        tags = [self.network(torch.from_numpy(p)[None]) for p in parts]
        kept = [bool(sounding(p, len(p), len(p), 1)[0]) for p in parts]
        embeddings = np.concatenate([t.embeddings.numpy() for t in tags])[np.array(kept)]
        logits = np.concatenate([t.logits.double().numpy() for t in tags])
        return Listened(embeddings, softmax(logits).astype(np.float32))


class ClapListener:
    """CLAP (Wu et al., ICASSP 2023), as transformers has it: sounds and words in one space."""

    name = "clap"

    def __init__(self, folder: Path):
        self.clap = Clap(folder)
        self.about = (
            f"CLAP in {folder.name}, {self.clap.width} numbers each 10 s; it knows no classes"
        )
        self.point = self.clap.said

    def listen(self, sound: Audio) -> Listened:
        return Listened(self.clap.heard(mono_at(sound, self.clap.rate_hz)), None)


def read_state(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The one file of weights in a folder: safetensors, or torch's own read as tensors alone.

    Raises WeightsMissing where there is none or more than one, WeightsRefused where it is none.
    """
    path = one_file(folder)
    if path.suffix != ".safetensors":
        return path, load_pickle(path)
    try:
        return path, dict(load_file(path))
    except SafetensorError as error:
        raise WeightsRefused(f"this is no file of weights: {error}.", path=path) from error


def load_strictly(network: torch.nn.Module, state: dict[str, Any], path: Path) -> None:
    """Every name and shape must be the network's own. Raises WeightsRefused."""
    check_keys(state, network.state_dict(), path)
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise WeightsRefused(f"the weights do not fit: {error}.", path=path) from error
    network.eval().requires_grad_(False)
