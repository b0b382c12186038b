"""YAMNet: what a sound sounds like, as 521 AudioSet classes and a point in a space of sounds.

Plakal and Ellis, "YAMNet" (2020): MobileNet-v1 (Howard et al., 2017) on log-mel patches of 0.96 s.
Used as a judge of generated sound and as a tagger of recordings; no part of generation itself.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.headers import read_header

WEIGHTS = "yamnet.safetensors"
CLASS_MAP = "class_map.csv"

RATE_HZ = 16_000
FRAME, HOP, N_FFT = 400, 160, 512
BANDS = 64
PATCH_FRAMES, PATCH_HOP_FRAMES = 96, 48
PATCH_SAMPLES = (PATCH_FRAMES - 1) * HOP + FRAME
"""Sound under one patch, 0.975 s. Anything shorter is filled up with silence."""

LOG_OFFSET = 0.001
NORM_EPSILON = 1e-4
CLASSES = 521
WIDTH = 1024

LAYERS = (
    # stride, channels out
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (1, 512),
    (2, 1024),
    (1, 1024),
)


class Tags(NamedTuple):
    """``scores`` (B, P, 521) in 0..1 and ``embeddings`` (B, P, 1024), one row of each for every
    0.48 s of sound."""

    scores: torch.Tensor
    embeddings: torch.Tensor


class _Norm(nn.Module):
    """Batch norm without a gain, as it is at inference."""

    running_mean: torch.Tensor
    running_var: torch.Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(channels))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.batch_norm(
            x, self.running_mean, self.running_var, bias=self.bias, eps=NORM_EPSILON
        )


class _Stem(nn.Module):
    def __init__(self, out: int):
        super().__init__()
        self.conv = nn.Conv2d(1, out, 3, 2, bias=False)
        self.bn = _Norm(out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.bn(self.conv(_pad_same(x, 2))))


class _Separable(nn.Module):
    def __init__(self, channels: int, out: int, stride: int):
        super().__init__()
        self.stride = stride
        self.depthwise = nn.Conv2d(channels, channels, 3, stride, groups=channels, bias=False)
        self.depthwise_bn = _Norm(channels)
        self.pointwise = nn.Conv2d(channels, out, 1, bias=False)
        self.pointwise_bn = _Norm(out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = functional.relu(self.depthwise_bn(self.depthwise(_pad_same(x, self.stride))))
        return functional.relu(self.pointwise_bn(self.pointwise(y)))


class _Mel(nn.Module):
    """The (257, 64) matrix that came with the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(N_FFT // 2 + 1, BANDS))


class Yamnet(nn.Module):
    """(N,) or (B, N) float sound at 16 kHz in -1..1 -> :class:`Tags`."""

    hann: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("hann", torch.hann_window(FRAME, periodic=True), persistent=False)
        self.mel = _Mel()
        self.stem = _Stem(32)
        channels = 32
        blocks = []
        for stride, out in LAYERS:
            blocks.append(_Separable(channels, out, stride))
            channels = out
        self.blocks = nn.Sequential(*blocks)
        self.classifier = nn.Linear(WIDTH, CLASSES)

    @classmethod
    def from_folder(cls, folder: Path) -> Yamnet:
        """Load ``yamnet.safetensors`` of a folder, of any float width, as float32, for inference.

        Raises WeightsMissing if it is absent, WeightsRefused if keys or shapes differ.
        """
        path = folder / WEIGHTS
        if not path.is_file():
            raise WeightsMissing("the sound tagger is absent.", path=path)
        read_header(path)
        model = cls()
        try:
            model.load_state_dict({k: v.float() for k, v in load_file(path).items()})
        except (RuntimeError, SafetensorError) as error:
            raise WeightsRefused(f"not the tagger's weights: {error}.", path=path) from error
        return model.eval().requires_grad_(False)

    def log_mel(self, sound: torch.Tensor) -> torch.Tensor:
        """(B, N) sound -> (B, T, 64): natural logarithm of mel magnitudes every 10 ms."""
        framed = sound.unfold(-1, FRAME, HOP) * self.hann
        magnitude = torch.fft.rfft(framed, N_FFT).abs()
        return torch.log(magnitude @ self.mel.weight + LOG_OFFSET)

    def forward(self, sound: torch.Tensor) -> Tags:
        batch = sound if sound.ndim == 2 else sound[None]
        if batch.ndim != 2:
            raise ValueError(f"sound is (N,) or (B, N), got {tuple(sound.shape)}")
        batch = functional.pad(batch, (0, max(PATCH_SAMPLES - batch.shape[1], 0)))
        # (B, P, 64, 96) as unfold gives it, time and frequency swapped back for the network.
        patches = self.log_mel(batch).unfold(1, PATCH_FRAMES, PATCH_HOP_FRAMES).transpose(2, 3)
        count = patches.shape[1]
        x = self.blocks(self.stem(patches.flatten(0, 1)[:, None])).mean(dim=(2, 3))
        embeddings = x.unflatten(0, (len(batch), count))
        return Tags(torch.sigmoid(self.classifier(embeddings)), embeddings)


def class_names(folder: Path) -> list[str]:
    """The 521 classes' names, in the order of the scores, from ``class_map.csv`` of a folder.

    Raises WeightsMissing if it is absent, WeightsRefused if it does not list 521 classes.
    """
    path = folder / CLASS_MAP
    if not path.is_file():
        raise WeightsMissing("the tagger's list of classes is absent.", path=path)
    with path.open(encoding="utf-8", newline="") as file:
        names = [row["display_name"] for row in csv.DictReader(file)]
    if len(names) != CLASSES:
        raise WeightsRefused(f"expected {CLASSES} classes, found {len(names)}.", path=path)
    return names


def _pad_same(x: torch.Tensor, stride: int) -> torch.Tensor:
    """Padding for a 3×3 kernel as TensorFlow's SAME: the odd pixel goes after."""
    pads = []
    for size in (x.shape[-1], x.shape[-2]):
        missing = max((-(-size // stride) - 1) * stride + 3 - size, 0)
        pads += [missing // 2, missing - missing // 2]
    return functional.pad(x, pads)
