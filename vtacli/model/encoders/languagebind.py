"""LanguageBind's video tower: CLIP's picture tower whose layers also attend over time.

Zhu et al., 2310.01852. It sees eight frames at a time. Upstream spreads eight over a whole film
and gives their mean; here a window is cut into eights, the last frame is repeated to fill the last
of them, and every frame keeps a token of its own: their mean over eight is what upstream gives. The
weights are those tuned whole (LanguageBind_Video_FT), not those with adapters of low rank.
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
from transformers.activations import ACT2FN

from vtacli.model.encoders.base import FrozenEncoder, Tokens, clips
from vtacli.model.encoders.vit import depth_of

EPSILON = 1e-5


class Attention(nn.Module):
    """(B, N, D) -> (B, N, D)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (
            nn.Linear(width, width) for _ in range(4)
        )

    def forward(self, x: Tensor) -> Tensor:
        query, key, value = (
            layer(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        seen = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.out_proj(seen.transpose(1, 2).flatten(2))
        return out


class Mlp(nn.Module):
    def __init__(self, width: int, inner: int, activation: str):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.activation = ACT2FN[activation]

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(self.activation(self.fc1(x)))
        return out


class Layer(nn.Module):
    """(T, N, D), the patches of T frames, to the same: each patch over time, then each frame over
    its patches."""

    def __init__(self, width: int, heads: int, inner: int, frames: int, activation: str):
        super().__init__()
        self.temporal_embedding = nn.Parameter(torch.randn(1, frames, width) * width**-0.5)
        self.temporal_layer_norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.temporal_attn = Attention(width, heads)
        self.layer_norm1 = nn.LayerNorm(width, eps=EPSILON)
        self.self_attn = Attention(width, heads)
        self.layer_norm2 = nn.LayerNorm(width, eps=EPSILON)
        self.mlp = Mlp(width, inner, activation)

    def forward(self, x: Tensor) -> Tensor:
        over_time = x.transpose(0, 1) + self.temporal_embedding
        x = (over_time + self.temporal_attn(self.temporal_layer_norm1(over_time))).transpose(0, 1)
        x = x + self.self_attn(self.layer_norm1(x))
        out: Tensor = x + self.mlp(self.layer_norm2(x))
        return out


class LanguageBind(FrozenEncoder):
    """``width`` is the tower's, ``out_width`` a token's. ``activation``: as transformers names
    it."""

    NAME = "languagebind"
    UPSTREAM_IGNORED = (
        "text_model.",
        "text_projection.",
        "logit_scale",
        "vision_model.embeddings.position_ids",
    )

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        size_px: int = 224,
        patch_px: int = 14,
        width: int = 1024,
        depth: int = 24,
        heads: int = 16,
        mlp: int = 4096,
        out_width: int = 768,
        clip_frames: int = 8,
        activation: str = "gelu",
    ):
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, width, patch_px, stride=patch_px, bias=False)
        self.class_embedding = nn.Parameter(torch.randn(width))
        self.position_embedding = nn.Embedding(1 + (size_px // patch_px) ** 2, width)
        self.pre_layrnorm = nn.LayerNorm(width, eps=EPSILON)
        self.layers = nn.ModuleList(
            Layer(width, heads, mlp, clip_frames, activation) for _ in range(depth)
        )
        self.post_layernorm = nn.LayerNorm(width, eps=EPSILON)
        self.visual_projection = nn.Linear(width, out_width, bias=False)
        self.freeze()

    @property
    def frame_size_px(self) -> int:
        return int(self.config.size_px)

    @property
    def token_width(self) -> int:
        return int(self.config.out_width)

    @property
    def clip_frames(self) -> int:
        return int(self.config.clip_frames)

    def tokens_of(self, pixels: Tensor, times_s: NDArray[np.float64]) -> Tokens:
        rows = clips(len(times_s), self.clip_frames)
        parts = [self.embed(pixels[torch.from_numpy(r).to(pixels.device)]) for r in rows]
        return torch.cat(parts)[: len(times_s)], times_s

    def embed(self, clip: Tensor) -> Tensor:
        """(clip_frames, 3, size, size) -> (clip_frames, out_width)."""
        x = self.patch_embedding(clip).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.expand(len(x), 1, -1), x], dim=1)
        x = self.pre_layrnorm(x + self.position_embedding.weight)
        for layer in self.layers:
            x = layer(x)
        out: Tensor = self.visual_projection(self.post_layernorm(x[:, 0]))
        return out

    @classmethod
    def settings_of(cls, state: Mapping[str, Tensor]) -> dict[str, Any]:
        first = "vision_model.encoder.layers.0."
        patch = state["vision_model.embeddings.patch_embedding.weight"]
        places = state["vision_model.embeddings.position_embedding.weight"].shape[0] - 1
        return {
            "size_px": isqrt(places) * patch.shape[-1],
            "patch_px": patch.shape[-1],
            "width": patch.shape[0],
            "depth": depth_of(state, "vision_model.encoder.layers."),
            "mlp": state[first + "mlp.fc1.weight"].shape[0],
            "out_width": state["visual_projection.weight"].shape[0],
            "clip_frames": state[first + "temporal_embedding"].shape[1],
        }

    @classmethod
    def upstream_name(cls, ours: str) -> str:
        part = ours.split(".")[0]
        if part == "visual_projection":
            return ours
        if part.endswith("_embedding"):
            return f"vision_model.embeddings.{ours}"
        return f"vision_model.{'encoder.' if part == 'layers' else ''}{ours}"

    @classmethod
    def settings_beside(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        said = config.get("vision_config", {})
        names = {"num_attention_heads": "heads", "hidden_act": "activation"}
        return {ours: said[theirs] for theirs, ours in names.items() if theirs in said}
