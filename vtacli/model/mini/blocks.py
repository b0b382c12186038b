"""The one building block of codec and vocoder: a 1-D ConvNeXt block."""

from __future__ import annotations

import torch
from torch import nn


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution in time, then a pointwise MLP, residual (Liu et al., 2201.03545).

    Shape: (B, C, T) -> (B, C, T).
    """

    def __init__(self, width: int, expansion: int = 3, kernel: int = 7):
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width, eps=1e-6)
        self.expand = nn.Linear(width, expansion * width)
        self.contract = nn.Linear(expansion * width, width)
        # Starts near the identity, so that depth costs nothing at first.
        self.scale = nn.Parameter(torch.full((width,), 0.1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.depthwise(x).transpose(1, 2)
        y = self.contract(nn.functional.gelu(self.expand(self.norm(y)), approximate="tanh"))
        out: torch.Tensor = x + (self.scale * y).transpose(1, 2)
        return out
