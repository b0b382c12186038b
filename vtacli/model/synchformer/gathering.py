"""One transformer layer in which a token of its own gathers what the others hold.

The tokens of a frame's places, or of a moment's bands, become one in this way.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

NORM_EPSILON = 1e-6


class Gathering(nn.Module):
    """(B, N, D) -> (B, D): norm before attention and MLP, GELU. Nothing but the gathering token
    is looked at afterwards, so nothing else is computed."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.self_attn = nn.MultiheadAttention(width, heads, batch_first=True)
        self.linear1 = nn.Linear(width, 4 * width)
        self.linear2 = nn.Linear(4 * width, width)
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPSILON)

    def forward(self, tokens: Tensor) -> Tensor:
        own = self.cls_token.expand(len(tokens), -1, -1)
        normed = self.norm1(torch.cat([own, tokens], dim=1))
        gathered, _ = self.self_attn(normed[:, :1], normed, normed, need_weights=False)
        x = (own + gathered)[:, 0]
        found: Tensor = x + self.linear2(functional.gelu(self.linear1(self.norm2(x))))
        return found
