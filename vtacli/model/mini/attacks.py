"""Sharp attacks: gains finer than a frame, read off the course of the mel.

A vocoder's frame is 40 ms long, and so is the sound before a blow that the frame holds: noise that
rises before the drum is hit. The mel's frames are 64 ms long but 10 ms apart, and tell by the shape
of their rise when the blow came. A few gains a frame keep still what lies before it (temporal noise
shaping by an envelope, as perceptual coders do it with filters: Herre and Johnston, AES 101, 1996).
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

QUIETEST, LOUDEST = -7.0, 1.5
"""Between these logarithms the gains lie."""


class AttackGains(nn.Module):
    """Normalised mel (B, bands, T) -> logarithms of gains, (B, gains, T); no gain at first."""

    def __init__(self, bands: int, gains: int, width: int = 64, kernel: int = 9):
        super().__init__()
        self.first = nn.Conv1d(bands, width, kernel, padding=kernel // 2)
        self.second = nn.Conv1d(width, width, kernel, padding=kernel // 2)
        self.last = nn.Conv1d(width, gains, 1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        hidden = F.gelu(self.second(F.gelu(self.first(mel))))
        made: torch.Tensor = self.last(hidden)
        return made.clamp(QUIETEST, LOUDEST)

    @staticmethod
    def in_time(gains: torch.Tensor) -> torch.Tensor:
        """(B, gains, T) -> (B, T * gains), the first in the middle of the sound's first 1 / gains
        of a hop. Frame k is heard around k * hop: its gains begin half a hop before."""
        half = gains.shape[1] // 2
        series = gains.transpose(1, 2).flatten(1)
        return F.pad(series[:, None, half:], (0, half), mode="replicate")[:, 0]

    @staticmethod
    def between(gains: torch.Tensor, hop: int) -> torch.Tensor:
        """(B, gains, T) -> (B, T * hop), straight lines between them."""
        series = AttackGains.in_time(gains)[:, None]
        return F.interpolate(series, scale_factor=hop / gains.shape[1], mode="linear")[:, 0]
