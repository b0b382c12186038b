"""Listeners whose weights do not come with the program: VGGish, PANNs' Cnn14, PaSST, and CLAP.

Each is opened from its folder on a shelf, every name held against the network's own. VGGish, Cnn14
and PaSST are written here and held against the published code; CLAP is transformers' own.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.torch import load_file

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.evaluation.listening_to import Listened, mono_at, sounding
from vtacli.evaluation.metrics.classes import softmax
from vtacli.model import panns, passt, vggish
from vtacli.model.published import load_pickle
from vtacli.model.strict import check_keys
from vtacli.signal.media import Audio

WINDOW_S = 10
"""CLAP, Cnn14 and PaSST were trained on ten seconds at a time."""


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
        from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel

        if not (folder / "config.json").is_file():
            # transformers would take the published sizes for granted
            raise WeightsRefused(
                "not a CLAP of transformers: there is no config.json.", path=folder
            )
        try:
            told: Any = ClapModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
            self.network, loading = told
            self.features = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise WeightsRefused(f"not a CLAP of transformers: {error}.", path=folder) from error
        wrong = [*loading["missing_keys"], *loading["unexpected_keys"]]
        if wrong or loading["mismatched_keys"]:
            raise WeightsRefused(
                f"the weights do not fit: {len(wrong)} names are missing or unknown.", path=folder
            )
        self.network.eval()
        width = self.network.config.projection_dim
        self.about = f"CLAP in {folder.name}, {width} numbers each 10 s; it knows no classes"
        self.point = lru_cache(maxsize=4096)(self._point)

    @torch.no_grad()
    def listen(self, sound: Audio) -> Listened:
        rate = self.features.sampling_rate
        parts = windows_of(mono_at(sound, rate), WINDOW_S * rate)
        kept = [p for p in parts if sounding(p, len(p), len(p), 1)[0]]
        if not kept:
            return Listened(np.zeros((0, self.network.config.projection_dim), np.float32), None)
        seen = self.features(kept, sampling_rate=rate, return_tensors="pt")
        return Listened(_vectors(self.network.get_audio_features(**seen)), None)

    @torch.no_grad()
    def _point(self, caption: str) -> NDArray[np.float64]:
        words = self.tokenizer([caption], return_tensors="pt")
        found = self.network.get_text_features(
            input_ids=words["input_ids"], attention_mask=words["attention_mask"]
        )
        return np.asarray(_vectors(found)[0], np.float64)


def _vectors(found: Any) -> NDArray[np.float32]:
    # some versions of transformers give the vectors themselves, others what they are part of
    tensor = found if isinstance(found, torch.Tensor) else found.pooler_output
    return np.asarray(tensor.numpy(), np.float32)


def _listened(
    parts: list[NDArray[np.float32]], embeddings: list[torch.Tensor], logits: list[torch.Tensor]
) -> Listened:
    """What was heard in each window; a silent one has classes and no embedding."""
    kept = [bool(sounding(p, len(p), len(p), 1)[0]) for p in parts]
    found = np.concatenate([e.numpy() for e in embeddings])[np.array(kept)]
    classes = softmax(np.concatenate([x.double().numpy() for x in logits]))
    return Listened(found, classes.astype(np.float32))


def windows_of(wave: NDArray[np.float32], samples: int) -> list[NDArray[np.float32]]:
    """A sound in windows of so many samples, the last one shorter; one at least."""
    return [wave[i : i + samples] for i in range(0, max(1, len(wave)), samples)]


def read_state(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The one file of weights in a folder: safetensors, or torch's own read as tensors alone.

    Raises WeightsMissing where there is none or more than one, WeightsRefused where it is none.
    """
    found = sorted(f for s in ("safetensors", "pth", "pt", "bin") for f in folder.glob(f"*.{s}"))
    if len(found) != 1:
        raise WeightsMissing(
            f"expected one file of weights, found {len(found)}.",
            path=folder,
            hint="A .safetensors, .pth, .pt or .bin file.",
        )
    if found[0].suffix != ".safetensors":
        return found[0], load_pickle(found[0])
    try:
        return found[0], dict(load_file(found[0]))
    except SafetensorError as error:
        raise WeightsRefused(f"this is no file of weights: {error}.", path=found[0]) from error


def load_strictly(network: torch.nn.Module, state: dict[str, Any], path: Path) -> None:
    """Every name and shape must be the network's own. Raises WeightsRefused."""
    check_keys(state, network.state_dict(), path)
    try:
        network.load_state_dict(state)
    except (RuntimeError, TypeError) as error:
        raise WeightsRefused(f"the weights do not fit: {error}.", path=path) from error
    network.eval().requires_grad_(False)
