"""Listeners whose weights do not come with the program: VGGish, PANNs' Cnn14, PaSST, and CLAP.

Each is opened from its folder on a shelf, every name held against the network's own. VGGish, Cnn14
and PaSST are written here and held against the published code; CLAP is transformers' own.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from vtacli.errors import WeightsRefused
from vtacli.evaluation.listening_to import Listened, mono_at, sounding
from vtacli.evaluation.metrics.classes import softmax
from vtacli.model import panns, passt, vggish
from vtacli.model.clap import Clap
from vtacli.model.published import load_pickle, one_file
from vtacli.model.strict import check_keys
from vtacli.signal.media import Audio
from vtacli.signal.stretches import windows_of

WINDOW_S = 10
"""Cnn14 and PaSST were trained on ten seconds at a time."""


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
        parts = windows_of(mono_at(sound, panns.RATE_HZ), WINDOW_S * panns.RATE_HZ)
        tags = [self.network(torch.from_numpy(p)[None]) for p in parts]
        return _listened(parts, [t.embeddings for t in tags], [t.logits for t in tags])


class PasstListener:
    """PaSST-S's 768 numbers and 527 classes for each ten seconds.

    A sound under ten seconds is filled up with silence, as av-benchmark does, by which
    video-to-audio papers took their figures. A longer one, which they cut, is heard in windows;
    the last of these is as long as it is, because silence would say more there than the sound.
    """

    name = "passt"
    about = (
        "PaSST-S, 768 numbers each 10 s (a shorter sound filled up with silence); "
        "classes: softmax of its 527 logits"
    )

    def __init__(self, folder: Path):
        self.network = passt.Passt()
        path, state = read_state(folder)
        load_strictly(self.network, passt.weights_of(state), path)

    @torch.no_grad()
    def listen(self, sound: Audio) -> Listened:
        whole = WINDOW_S * passt.RATE_HZ
        wave = mono_at(sound, passt.RATE_HZ)
        parts = windows_of(wave, whole)
        filled = parts if len(wave) > whole else [np.pad(wave, (0, whole - len(wave)))]
        tags = [self.network(torch.from_numpy(p)[None]) for p in filled]
        return _listened(parts, [t.features for t in tags], [t.logits for t in tags])


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


def _listened(
    parts: list[NDArray[np.float32]], embeddings: list[torch.Tensor], logits: list[torch.Tensor]
) -> Listened:
    """What was heard in each window; a silent one has classes and no embedding."""
    kept = [bool(sounding(p, len(p), len(p), 1)[0]) for p in parts]
    found = np.concatenate([e.numpy() for e in embeddings])[np.array(kept)]
    classes = softmax(np.concatenate([x.double().numpy() for x in logits]))
    return Listened(found, classes.astype(np.float32))


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
