"""The whole: tokens of segments, and which of 21 offsets those of 14 segments speak of."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt
from typing import Any

import torch
from torch import Tensor, nn

from vtacli.model.encoders.vit import depth_of
from vtacli.model.synchformer import picture, sound
from vtacli.model.synchformer.attention import attend
from vtacli.model.synchformer.segments import CROP

OFFSETS = 21
HEAD_WIDTH = 96
"""Of the transformer that compares."""
POSITIONS = 2 + CROP * (picture.TOKENS + sound.TOKENS)
UNUSED = tuple(f"vfeat_extractor.patch_embed.proj.{part}" for part in ("weight", "bias"))
"""What the published files hold of Motionformer's flat patches, which nothing asks."""


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.key, self.query, self.value, self.proj = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        seen = attend(self.query(x), self.key(x), self.value(x), HEAD_WIDTH)
        found: Tensor = self.proj(seen)
        return found


class _Block(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attn = _Attention(width)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln1(x))
        found: Tensor = x + self.mlp(self.ln2(x))
        return found


class _Positions(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.pos_emb = nn.Parameter(torch.zeros(1, POSITIONS, width))


class _Comparison(nn.Module):
    """(B, 112, D) of the picture and (B, 84, D) of the sound -> (B, 21)."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.vis_in_lnorm, self.aud_in_lnorm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.OFF_tok = nn.Parameter(torch.zeros(1, 1, width))
        self.MOD_tok = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_emb_cfg = _Positions(width)
        self.blocks = nn.Sequential(*(_Block(width) for _ in range(depth)))
        self.ln_f = nn.LayerNorm(width)
        self.off_head = nn.Linear(width, OFFSETS)

    def forward(self, seen: Tensor, heard: Tensor) -> Tensor:
        asks, parts = (t.expand(len(seen), -1, -1) for t in (self.OFF_tok, self.MOD_tok))
        x = torch.cat([asks, self.vis_in_lnorm(seen), parts, self.aud_in_lnorm(heard)], dim=1)
        x = self.blocks(x + self.pos_emb_cfg.pos_emb)
        found: Tensor = self.off_head(self.ln_f(x[:, 0]))
        return found


class Synchformer(nn.Module):
    """Tokens of the picture's segments and of the sound's -> (B, 21) logits of the offset.

    ``depth``, ``sound_depth``, ``compare_depth``: layers of the three networks. ``side``: patches
    of ``patch_px`` across a picture. The defaults are the published sizes.
    """

    def __init__(
        self,
        width: int = 768,
        depth: int = 12,
        sound_depth: int = 12,
        compare_depth: int = 3,
        side: int = 14,
        patch_px: int = 16,
    ) -> None:
        super().__init__()
        self.size_px = side * patch_px
        self.vfeat_extractor = picture.Picture(width, depth, side, patch_px)
        self.afeat_extractor = sound.Sound(width, sound_depth)
        self.vproj, self.aproj = nn.Linear(width, width), nn.Linear(width, width)
        self.transformer = _Comparison(width, compare_depth)

    def see(self, frames: Tensor) -> Tensor:
        """(B, 16, 3, S, S) uint8 -> (B, 8, D)."""
        pixels = frames.transpose(1, 2).float() / 127.5 - 1
        found: Tensor = self.vfeat_extractor(pixels)
        return found

    def hear(self, segments: Tensor) -> Tensor:
        """(B, 10240) sound at 16 kHz -> (B, 6, D)."""
        found: Tensor = self.afeat_extractor(sound.spectrograms_of(segments))
        return found

    def forward(self, seen: Tensor, heard: Tensor) -> Tensor:
        """(B, 14, 8, D) and (B, 14, 6, D), as :meth:`see` and :meth:`hear` gave them."""
        found: Tensor = self.transformer(
            self.vproj(seen).flatten(1, 2), self.aproj(heard).flatten(1, 2)
        )
        return found


def sizes_of(state: Mapping[str, Any]) -> dict[str, int]:
    """The sizes of the network whose weights these are. Raises KeyError, or another error, where
    they are no such weights."""
    patches = state["vfeat_extractor.patch_embed_3d.proj.weight"]
    places = state["vfeat_extractor.pos_embed"].shape[1] - 1
    sizes = {
        "width": patches.shape[0],
        "depth": depth_of(state, "vfeat_extractor.blocks."),
        "sound_depth": depth_of(state, "afeat_extractor.ast.encoder.layer."),
        "compare_depth": depth_of(state, "transformer.blocks."),
        "side": isqrt(places),
        "patch_px": patches.shape[-1],
    }
    if sizes["width"] % HEAD_WIDTH or sizes["width"] % picture.HEAD_WIDTH:
        raise ValueError(f"a width of {sizes['width']} is no number of heads")
    return sizes
