"""What is seen: Motionformer with attention divided into time and space.

Patrick et al., arXiv 2106.05392, in the variant of TimeSformer (Bertasius et al., arXiv
2102.05095): each token looks first at its own place in the other frames, then at its own frame.
A token stands for two frames and 16 x 16 pixels of a segment; those of two frames become one.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from vtacli.model.encoders.vit import NORM_EPSILON, Mlp
from vtacli.model.synchformer.gathering import Gathering
from vtacli.model.synchformer.segments import SEGMENT_FRAMES

TUBE = 2
"""Frames that a token stands for."""
TOKENS = SEGMENT_FRAMES // TUBE
"""That a segment of the picture becomes."""
HEAD_WIDTH = 64


class DividedAttention(nn.Module):
    """(B, 1 + T * P, D) -> the same shape.

    The first token looks at all; each other one at the first and at those of its own place
    (``over_time``) or of its own moment.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD_WIDTH
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor, over_time: bool) -> Tensor:
        batch, _, width = x.shape
        split = self.qkv(x).unflatten(2, (3, self.heads, -1))  # (B, 1 + T * P, 3, H, d)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        first = functional.scaled_dot_product_attention(query[:, :, :1], key, value)

        rest = split[:, 1:].unflatten(1, (TOKENS, -1))
        if over_time:
            rest = rest.transpose(1, 2)
        groups = rest.shape[1]
        lead = split[:, None, :1].expand(-1, groups, -1, -1, -1, -1)
        led = torch.cat([lead, rest], dim=2).flatten(0, 1)  # (B * groups, 1 + members, 3, H, d)
        query, key, value = led.permute(2, 0, 3, 1, 4)
        seen = functional.scaled_dot_product_attention(query[:, :, 1:], key, value)
        seen = seen.transpose(1, 2).reshape(batch, groups, -1, width)
        if over_time:
            seen = seen.transpose(1, 2)
        whole = torch.cat([first.transpose(1, 2).reshape(batch, 1, width), seen.flatten(1, 2)], 1)
        found: Tensor = self.proj(whole)
        return found


class Block(nn.Module):
    """(B, 1 + T * P, D) -> the same shape: time, space, MLP."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.attn = DividedAttention(width)
        self.timeattn = DividedAttention(width)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.mlp = Mlp(width, 4 * width)
        self.norm3 = nn.LayerNorm(width, eps=NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.timeattn(self.norm3(x), over_time=True)
        x = x + self.attn(self.norm1(x), over_time=False)
        found: Tensor = x + self.mlp(self.norm2(x))
        return found


class _Patches(nn.Module):
    def __init__(self, width: int, patch_px: int) -> None:
        super().__init__()
        kernel = (TUBE, patch_px, patch_px)
        self.proj = nn.Conv3d(3, width, kernel, stride=kernel)


class Picture(nn.Module):
    """(B, 3, 16, S, S) pixels in -1..1 -> (B, 8, D). ``side``: patches across a picture."""

    def __init__(self, width: int, depth: int, side: int, patch_px: int) -> None:
        super().__init__()
        self.patch_embed_3d = _Patches(width, patch_px)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.pos_embed = nn.Parameter(torch.zeros(1, 1 + side**2, width))
        self.temp_embed = nn.Parameter(torch.zeros(1, TOKENS, width))
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.spatial_attn_agg = Gathering(width, width // HEAD_WIDTH)

    def forward(self, pixels: Tensor) -> Tensor:
        patches = self.patch_embed_3d.proj(pixels).flatten(3).permute(0, 2, 3, 1)  # (B, T, P, D)
        patches = patches + self.pos_embed[:, None, 1:] + self.temp_embed[:, :, None]
        first = (self.cls_token + self.pos_embed[:, :1]).expand(len(pixels), -1, -1)
        x = torch.cat([first, patches.flatten(1, 2)], dim=1)
        for block in self.blocks:
            x = block(x)
        places = self.norm(x[:, 1:]).unflatten(1, (TOKENS, -1))
        found: Tensor = self.spatial_attn_agg(places.flatten(0, 1)).unflatten(0, (-1, TOKENS))
        return found
