"""The plain vision transformer's parts, shared by the encoders that are one.

Dosovitskiy et al., 2010.11929: norm before attention, norm before the MLP, GELU (exact).
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

NORM_EPSILON = 1e-6


class SelfAttention(nn.Module):
    """(B, N, D) -> (B, N, D). Queries, keys and values lie in one matrix, in this order.

    ``spare``: one more key and its value, learned, that every token can look at."""

    def __init__(self, width: int, heads: int, spare: bool = False):
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)
        self.bias_k = nn.Parameter(torch.zeros(1, 1, width)) if spare else None
        self.bias_v = nn.Parameter(torch.zeros(1, 1, width)) if spare else None

    def forward(self, x: Tensor) -> Tensor:
        batch, count, width = x.shape
        split = self.qkv(x).view(batch, count, 3, self.heads, width // self.heads)
        query, key, value = split.permute(2, 0, 3, 1, 4)
        if self.bias_k is not None and self.bias_v is not None:
            key, value = self._with(key, self.bias_k), self._with(value, self.bias_v)
        seen = F.scaled_dot_product_attention(query, key, value)
        out: Tensor = self.proj(seen.transpose(1, 2).reshape(batch, count, width))
        return out

    def _with(self, x: Tensor, spare: Tensor) -> Tensor:
        """(B, H, N, D / H) and (1, 1, D) -> (B, H, N + 1, D / H)."""
        one = spare.view(1, self.heads, 1, -1).expand(len(x), -1, -1, -1)
        return torch.cat([x, one], dim=2)


class Mlp(nn.Module):
    """(…, D) -> (…, D) by way of ``inner``."""

    def __init__(self, width: int, inner: int):
        super().__init__()
        self.fc1 = nn.Linear(width, inner)
        self.fc2 = nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc2(F.gelu(self.fc1(x)))
        return out


class Block(nn.Module):
    """(B, N, D) -> (B, N, D). ``spare``: as :class:`SelfAttention` has it."""

    def __init__(self, width: int, heads: int, inner: int, spare: bool = False):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.attn = SelfAttention(width, heads, spare)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.mlp = Mlp(width, inner)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        out: Tensor = x + self.mlp(self.norm2(x))
        return out


def depth_of(names: Iterable[str], prefix: str) -> int:
    """How many numbered blocks there are behind ``prefix``. Raises :class:`KeyError` for none."""
    numbers = [n.removeprefix(prefix).split(".")[0] for n in names if n.startswith(prefix)]
    if not numbers:
        raise KeyError(f"{prefix}0")
    return 1 + max(int(number) for number in numbers)
