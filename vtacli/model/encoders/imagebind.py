"""ImageBind's picture trunk: a vision transformer over pairs of frames.

Girdhar et al., 2305.05665. A token is the embedding that the model gives of a pair: the class
token, projected, of length 1. Upstream shows it the two ends of a clip of two seconds; here each
frame stands with the one after it, the last with itself, so that there is a token a frame. The
weights are CC-BY-NC-SA-4.0. Its sound trunk is in :mod:`vtacli.model.encoders.imagebind_audio`.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Any

import numpy as np
import torch
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from vtacli.model.encoders.base import FrozenEncoder, Tokens
from vtacli.model.encoders.vit import NORM_EPSILON, Block, depth_of

FRAMES = 2
PAIRS_AT_ONCE = 8

MODALITIES = ("vision", "text", "audio", "depth", "thermal", "imu")
PARTS = ("preprocessors", "trunks", "heads", "postprocessors")
"""In the order in which a modality passes them."""


def parts_of(modality: str) -> list[str]:
    """The beginnings of a modality's names in the published file, in the order of PARTS."""
    return [f"modality_{part}.{modality}." for part in PARTS]


def beside(modality: str) -> tuple[str, ...]:
    """The beginnings of all the other modalities' names: one file holds them all."""
    return tuple(name for other in MODALITIES if other != modality for name in parts_of(other))


def name_in(trunk: str, ours: str, names: Mapping[str, str]) -> str:
    """Upstream's name of a parameter: of a block of its ``trunk``, or else as ``names`` say."""
    if not ours.startswith("blocks."):
        return names[ours]
    for here, there in _IN_BLOCK.items():
        ours = ours.replace(f".{here}", f".{there}")
    return trunk + ours


_PRE, _TRUNK, _HEAD, _ = parts_of("vision")
_NAMES = {
    "patch.weight": _PRE + "rgbt_stem.proj.1.weight",
    "class_token": _PRE + "cls_token",
    "positions": _PRE + "pos_embedding_helper.pos_embed",
    "norm_in.weight": _TRUNK + "pre_transformer_layer.0.weight",
    "norm_in.bias": _TRUNK + "pre_transformer_layer.0.bias",
    "norm_out.weight": _HEAD + "0.weight",
    "norm_out.bias": _HEAD + "0.bias",
    "head.weight": _HEAD + "2.weight",
}
_IN_BLOCK = {
    "norm1": "norm_1",
    "norm2": "norm_2",
    "attn.qkv.weight": "attn.in_proj_weight",
    "attn.qkv.bias": "attn.in_proj_bias",
    "attn.proj": "attn.out_proj",
}


class ImageBind(FrozenEncoder):
    """``width`` is the trunk's, ``out_width`` a token's."""

    NAME = "imagebind"
    UPSTREAM_IGNORED = beside("vision")

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        size_px: int = 224,
        patch_px: int = 14,
        width: int = 1280,
        depth: int = 32,
        heads: int = 16,
        out_width: int = 1024,
    ):
        super().__init__()
        kernel = (FRAMES, patch_px, patch_px)
        self.patch = nn.Conv3d(3, width, kernel, stride=kernel, bias=False)
        self.class_token = nn.Parameter(torch.randn(1, 1, width) * width**-0.5)
        places = 1 + (size_px // patch_px) ** 2
        self.positions = nn.Parameter(torch.randn(1, places, width) * width**-0.5)
        self.norm_in = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.blocks = nn.ModuleList(Block(width, heads, 4 * width) for _ in range(depth))
        self.norm_out = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.head = nn.Linear(width, out_width, bias=False)
        self.freeze()

    @property
    def frame_size_px(self) -> int:
        return int(self.config.size_px)

    @property
    def token_width(self) -> int:
        return int(self.config.out_width)

    def tokens_of(self, pixels: Tensor, times_s: NDArray[np.float64]) -> Tokens:
        after = np.minimum(np.arange(len(times_s)) + 1, len(times_s) - 1)
        pairs = torch.stack([pixels, pixels[torch.from_numpy(after).to(pixels.device)]], dim=2)
        tokens = torch.cat([self.embed(some) for some in torch.split(pairs, PAIRS_AT_ONCE)])
        return tokens, (times_s + times_s[after]) / 2

    def embed(self, pairs: Tensor) -> Tensor:
        """(B, 3, 2, size, size) -> (B, out_width), each of length 1."""
        x = self.patch(pairs).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1) + self.positions
        x = self.norm_in(x)
        for block in self.blocks:
            x = block(x)
        return F.normalize(self.head(self.norm_out(x)[:, 0]), dim=-1)

    @classmethod
    def settings_of(cls, state: Mapping[str, Tensor]) -> dict[str, Any]:
        patch, head = state[_NAMES["patch.weight"]], state[_NAMES["head.weight"]]
        side = isqrt(state[_NAMES["positions"]].shape[1] - 1)
        return {
            "size_px": side * patch.shape[-1],
            "patch_px": patch.shape[-1],
            "width": patch.shape[0],
            "depth": depth_of(state, _TRUNK + "blocks."),
            "out_width": head.shape[0],
        }

    @classmethod
    def upstream_name(cls, ours: str) -> str:
        return name_in(_TRUNK, ours, _NAMES)
