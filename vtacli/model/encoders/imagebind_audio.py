"""ImageBind's sound trunk: a vision transformer over log-mel pictures of two seconds.

Girdhar et al., 2305.05665, section 3.2 and appendix B: the pictures are those of AST (Gong et al.,
2104.01778), Kaldi's filter banks with their published mean and deviation, cut into overlapping
patches. Its embedding lies in the space of the picture trunk's. The weights are CC-BY-NC-SA-4.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import log
from typing import Any

import numpy as np
import torch
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from vtacli.model.encoders.base import Frozen
from vtacli.model.encoders.imagebind import beside, name_in, parts_of
from vtacli.model.encoders.vit import NORM_EPSILON, Block, depth_of
from vtacli.signal.mel import htk_mel_matrix

RATE_HZ = 16_000
WINDOW, HOP, N_FFT = 400, 160, 512
"""25 ms every 10 ms, filled up with zeros to a power of 2."""
BANDS, LOW_HZ, HIGH_HZ = 128, 20.0, RATE_HZ / 2
EMPHASIS = 0.97
FLOOR = float(np.finfo(np.float32).eps)
"""The least energy whose logarithm is taken."""
FRAMES = 204
"""Of a picture; two seconds have 198, the rest is 0."""
MEAN, DEVIATION = -4.268, 9.138
"""Of the logarithms, over AudioSet."""
CLIPS, CLIP_S = 3, 2
PATCH_STEP = 10
LOUDEST = 100.0
"""Embeddings are scaled by no more."""

_PRE, _TRUNK, _HEAD, _POST = parts_of("audio")
_NAMES = {
    "patch.weight": _PRE + "rgbt_stem.proj.weight",
    "norm_in.weight": _PRE + "rgbt_stem.norm_layer.weight",
    "norm_in.bias": _PRE + "rgbt_stem.norm_layer.bias",
    "class_token": _PRE + "cls_token",
    "positions": _PRE + "pos_embedding_helper.pos_embed",
    "norm_out.weight": _HEAD + "0.weight",
    "norm_out.bias": _HEAD + "0.bias",
    "head.weight": _HEAD + "2.weight",
    "log_scale": _POST + "1.log_logit_scale",
}


def filter_banks(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """(N,) at 16 kHz, N at least :data:`WINDOW` -> (1 + (N - 400) // 160, 128) logarithms.

    Kaldi's: of each window the mean is taken away, then 0.97 of the sample before each; a Hann
    window that is 0 at both ends; the power spectrum in triangles that are straight on the HTK mel
    scale, 20 Hz to 8 kHz. (Povey et al., ASRU 2011; Kaldi's ``compute-fbank-feats``.) The mean of
    a whole clip, which upstream takes away before, makes no difference to windows without theirs.
    """
    framed = np.lib.stride_tricks.sliding_window_view(wave.astype(np.float64), WINDOW)[::HOP]
    framed = framed - framed.mean(axis=1, keepdims=True)
    # the first sample of a window has none before it, and stands for it
    before = np.concatenate([framed[:, :1], framed[:, :-1]], axis=1)
    window = 0.5 - 0.5 * np.cos(2 * np.pi / (WINDOW - 1) * np.arange(WINDOW))
    spectrum = np.fft.rfft((framed - EMPHASIS * before) * window, N_FFT)
    power = spectrum.real**2 + spectrum.imag**2
    triangles = htk_mel_matrix(RATE_HZ, N_FFT, BANDS, LOW_HZ, HIGH_HZ)
    return np.asarray(np.log(np.maximum(power @ triangles, FLOOR)), np.float64)


def picture_of(wave: NDArray[np.float32]) -> Tensor:
    """(N,) at 16 kHz, of two seconds or less -> (1, 128, 204), bands by frames."""
    levels = filter_banks(wave)[:FRAMES]
    filled = np.zeros((FRAMES, BANDS))
    filled[: len(levels)] = levels
    return torch.from_numpy((filled.T - MEAN) / DEVIATION)[None].float()


def pictures_of(wave: NDArray[np.float32]) -> Tensor | None:
    """(N,) at 16 kHz -> (3, 1, 128, 204); None of less than one window.

    The clips begin at 0, a third and two thirds of what a sound has over two seconds, as
    pytorchvideo's ``ConstantClipsPerVideoSampler`` puts them: so the last one does not end with
    the sound. Of less than two seconds all three are the whole. Upstream takes each clip's mean
    away in place, also from what the next clip shares with it where a sound is shorter than eight
    seconds: the step that this leaves in a sound whose mean is not 0 is not made here.
    """
    if len(wave) < WINDOW:
        return None
    # in the same steps, so that no clip is off by a sample
    step_s = Fraction(max(len(wave) / RATE_HZ - CLIP_S, 0)) / CLIPS
    starts_s = [step_s * number for number in range(CLIPS)]
    parts = [wave[int(s * RATE_HZ) : int((s + CLIP_S) * RATE_HZ)] for s in starts_s]
    return torch.stack([picture_of(part) for part in parts])


class ImageBindAudio(Frozen):
    """``width`` is the trunk's, ``out_width`` an embedding's."""

    NAME = "imagebind-audio"
    UPSTREAM_IGNORED = beside("audio")

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        patch_px: int = 16,
        width: int = 768,
        depth: int = 12,
        heads: int = 12,
        out_width: int = 1024,
    ):
        super().__init__()
        self.patch = nn.Conv2d(1, width, patch_px, stride=PATCH_STEP, bias=False)
        self.norm_in = nn.LayerNorm(width)  # PyTorch's own epsilon here, 1e-5
        self.class_token = nn.Parameter(torch.randn(1, 1, width) * width**-0.5)
        high, wide = ((side - patch_px) // PATCH_STEP + 1 for side in (BANDS, FRAMES))
        self.positions = nn.Parameter(torch.randn(1, 1 + high * wide, width) * width**-0.5)
        self.blocks = nn.ModuleList(
            Block(width, heads, 4 * width, spare=True) for _ in range(depth)
        )
        self.norm_out = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.head = nn.Linear(width, out_width, bias=False)
        self.register_buffer("log_scale", torch.tensor(log(20.0)))
        self.freeze()

    @torch.no_grad()
    def forward(self, pictures: Tensor) -> Tensor:
        """(B, 1, 128, 204) -> (B, out_width), each as long as the weights' scale: 20, published."""
        x = self.norm_in(self.patch(pictures).flatten(2).transpose(1, 2))
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1) + self.positions
        for block in self.blocks:
            x = block(x)
        scale = self.log_scale.exp().clamp(max=LOUDEST)
        found: Tensor = scale * F.normalize(self.head(self.norm_out(x)[:, 0]), dim=-1)
        return found

    @classmethod
    def settings_of(cls, state: Mapping[str, Tensor]) -> dict[str, Any]:
        patch = state[_NAMES["patch.weight"]]
        return {
            "patch_px": patch.shape[-1],
            "width": patch.shape[0],
            "depth": depth_of(state, _TRUNK + "blocks."),
            "out_width": state[_NAMES["head.weight"]].shape[0],
        }

    @classmethod
    def upstream_name(cls, ours: str) -> str:
        return name_in(_TRUNK, ours, _NAMES)
