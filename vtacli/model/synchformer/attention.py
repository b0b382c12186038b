"""Attention over several heads, of queries, keys and values that are matrices of their own."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional


def attend(query: Tensor, key: Tensor, value: Tensor, head_width: int) -> Tensor:
    """(B, N, D) each -> (B, N, D), D a multiple of ``head_width``."""
    batch, count, width = query.shape
    split = (batch, count, width // head_width, head_width)
    query, key, value = (t.view(split).transpose(1, 2) for t in (query, key, value))
    seen = functional.scaled_dot_product_attention(query, key, value)
    return seen.transpose(1, 2).flatten(2)
