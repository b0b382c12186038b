"""V-JEPA, the original: a vision transformer over tubelets of two frames, learned without labels.

Bardes et al., 2404.08471. It sees sixteen frames at a time, every fourth of thirty a second: a
window is cut into such clips, one after the other, and the last frame is repeated to fill the last
clip; what speaks of repeated frames alone is dropped. A token is a tubelet's mean over the picture.
The weights are CC-BY-NC-4.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from torch import Tensor, nn

from vtacli.errors import WeightsRefused
from vtacli.model import published
from vtacli.model.encoders.base import FrozenEncoder, Tokens, clips, tubelet_times
from vtacli.model.encoders.vit import NORM_EPSILON, Block, depth_of

TUBELET = 2
CLIP_FRAMES = 16
TARGET = "target_encoder"
"""Of the published file's two encoders the one that its makers evaluate: the moving average."""


class VJepa(FrozenEncoder):
    """``mlp``: the width between an MLP's two layers."""

    NAME = "vjepa"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        size_px: int = 224,
        patch_px: int = 16,
        width: int = 1024,
        depth: int = 24,
        heads: int = 16,
        mlp: int = 4096,
        clip_frames: int = CLIP_FRAMES,
    ):
        super().__init__()
        kernel = (TUBELET, patch_px, patch_px)
        self.patch = nn.Conv3d(3, width, kernel, stride=kernel)
        places = clip_frames // TUBELET * (size_px // patch_px) ** 2
        # Sines of the place, written in the published file: nothing is worked out here.
        self.positions = nn.Parameter(torch.zeros(1, places, width))
        self.blocks = nn.ModuleList(Block(width, heads, mlp) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.freeze()

    @property
    def frame_size_px(self) -> int:
        return int(self.config.size_px)

    @property
    def token_width(self) -> int:
        return int(self.config.width)

    @property
    def clip_frames(self) -> int:
        return int(self.config.clip_frames)

    def tokens_of(self, pixels: Tensor, times_s: NDArray[np.float64]) -> Tokens:
        parts = []
        for rows in clips(len(times_s), self.clip_frames):
            clip = pixels[torch.from_numpy(rows).to(pixels.device)].transpose(0, 1)[None]
            parts.append(self.embed(clip)[0].view(-1, self._places, self.config.width).mean(dim=1))
        times = tubelet_times(times_s, TUBELET)
        return torch.cat(parts)[: len(times)], times

    @property
    def _places(self) -> int:
        return int(self.config.size_px // self.config.patch_px) ** 2

    def embed(self, clip: Tensor) -> Tensor:
        """(B, 3, clip_frames, size, size) -> (B, tubelets * places, width)."""
        x = self.patch(clip).flatten(2).transpose(1, 2) + self.positions
        for block in self.blocks:
            x = block(x)
        out: Tensor = self.norm(x)
        return out

    @classmethod
    def upstream_state(cls, whole: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
        inner = whole.get(TARGET)
        if not isinstance(inner, Mapping):
            raise WeightsRefused(f"there is no {TARGET} in it.", path=path)
        found = published.tensors_of(inner, path)
        return {
            name.removeprefix("module.").removeprefix("backbone."): found[name] for name in found
        }

    @classmethod
    def settings_of(cls, state: Mapping[str, Tensor]) -> dict[str, Any]:
        patch = state["patch_embed.proj.weight"]
        places = state["pos_embed"].shape[1] // (CLIP_FRAMES // TUBELET)
        return {
            "size_px": isqrt(places) * patch.shape[-1],
            "patch_px": patch.shape[-1],
            "width": patch.shape[0],
            "depth": depth_of(state, "blocks."),
            "mlp": state["blocks.0.mlp.fc1.weight"].shape[0],
        }

    @classmethod
    def upstream_name(cls, ours: str) -> str:
        return ours.replace("patch.", "patch_embed.proj.").replace("positions", "pos_embed")
