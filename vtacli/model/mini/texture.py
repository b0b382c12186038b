"""What an autoencoder blurs, drawn anew: the fine grain of a mel spectrogram.

Sixty-four values every 80 ms cannot say how each frame of rain differs from the next, so a codec
that is trained by L1 answers with the median of all rains, and a vocoder makes a hiss of it. This
network takes the blurred mel, what the decoder knew when it drew it, and noise, and gives one of
the sharp mels that it may have been.
"""

from __future__ import annotations

import torch
from torch import nn

from vtacli.model.mini.blocks import ConvNeXtBlock


class MelTexture(nn.Module):
    """(B, bands, T) normalised mel, (B, hidden, T / 4) decoder features and (B, bands, T) unit
    noise -> (B, bands, T) what is to be added to the normalised mel."""

    def __init__(self, bands: int, hidden: int, width: int, depth: int):
        super().__init__()
        self.known = nn.Conv1d(hidden, width, 1)
        self.seen = nn.Conv1d(bands, width, 7, padding=3)
        self.drawn = nn.Conv1d(bands, width, 7, padding=3)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(width) for _ in range(depth)))
        self.head = nn.Conv1d(width, bands, 1)
        # Small, not zero: two draws must differ for their difference to have a gradient.
        nn.init.normal_(self.head.weight, std=0.01)
        assert self.head.bias is not None
        nn.init.zeros_(self.head.bias)

    def forward(
        self, mel: torch.Tensor, features: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        known = self.known(features).repeat_interleave(mel.shape[2] // features.shape[2], dim=2)
        grain: torch.Tensor = self.head(
            self.blocks(known + self.seen(mel) + self.drawn(noise).expand(len(mel), -1, -1))
        )
        return grain
