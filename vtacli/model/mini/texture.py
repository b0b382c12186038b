"""What an autoencoder blurs, drawn anew: the fine grain of a mel spectrogram.

A hundred and twenty-eight values every 80 ms cannot say how each frame of rain differs from the
next, so a codec that is trained by L1 answers with the median of all rains, and a vocoder makes a
hiss of it. This network takes the blurred mel, what the decoder knew when it drew it, and noise,
and gives one of the sharp mels that it may have been.

The noise that it is given is that of a spectrogram: frames overlap and windows leak, so the grain
of rain is no white noise in the mel's plane but goes together over some frames and bands. The mel
of white noise has it exactly. Of that the network lets through as much as a sound is like noise,
and draws what else there is.
"""

from __future__ import annotations

from functools import cache

import torch
from torch import nn

from vtacli.model.mini.blocks import ConvNeXtBlock
from vtacli.model.mini.noise import fixed_noise
from vtacli.signal.mel import HOP, RATE_HZ, log_mel

LONG_S = 60
"""Of noise, from which its mean and deviation in each band are taken."""
LET_THROUGH = -1.1
"""Where the share of noise that is let through begins, before twice its sigmoid: a half."""


@cache
def _levels_of_noise() -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and deviation over time of white noise's log-mel, (bands,) each."""
    mel = log_mel(fixed_noise(LONG_S * RATE_HZ))[0]
    return mel.mean(dim=0), mel.std(dim=0)


def grain_of(white: torch.Tensor) -> torch.Tensor:
    """White noise (B, T * hop), of unit variance -> the grain of its log-mel: (B, bands, T), of no
    mean and unit variance in each band."""
    mean, deviation = (level.to(white) for level in _levels_of_noise())
    return ((log_mel(white) - mean) / deviation).transpose(1, 2)


@cache
def _first_grain(frames: int) -> torch.Tensor:
    return grain_of(fixed_noise(frames * HOP))


def fixed_grain(frames: int, like: torch.Tensor) -> torch.Tensor:
    """(1, bands, frames), always the same: the grain of the noise that the vocoder shapes, which
    then makes what lies near what is asked for."""
    return _first_grain(frames).to(like)


class MelTexture(nn.Module):
    """(B, bands, T) normalised mel, (B, hidden, T / 4) decoder features and (B, bands, T) grain of
    noise, as :func:`grain_of` gives it -> (B, bands, T) what is to be added to the normalised mel,
    whose unit is ``mel_std`` nepers."""

    unit: torch.Tensor

    def __init__(self, bands: int, hidden: int, width: int, depth: int, mel_std: float):
        super().__init__()
        self.known = nn.Conv1d(hidden, width, 1)
        self.seen = nn.Conv1d(bands, width, 7, padding=3)
        self.drawn = nn.Conv1d(bands, width, 7, padding=3)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(width) for _ in range(depth)))
        self.head = nn.Conv1d(width, bands, 1)
        self.through = nn.Conv1d(width, bands, 1)
        # Small, not zero: two draws must differ for their difference to have a gradient.
        nn.init.normal_(self.head.weight, std=0.01)
        nn.init.zeros_(self.through.weight)
        assert self.head.bias is not None
        assert self.through.bias is not None
        nn.init.zeros_(self.head.bias)
        nn.init.constant_(self.through.bias, LET_THROUGH)
        unit = _levels_of_noise()[1] / mel_std
        self.register_buffer("unit", unit[:, None], persistent=False)

    def forward(
        self, mel: torch.Tensor, features: torch.Tensor, noise: torch.Tensor
    ) -> torch.Tensor:
        known = self.known(features).repeat_interleave(mel.shape[2] // features.shape[2], dim=2)
        hidden = self.blocks(known + self.seen(mel) + self.drawn(noise).expand(len(mel), -1, -1))
        through = 2 * torch.sigmoid(self.through(hidden)) * self.unit * noise
        grain: torch.Tensor = self.head(hidden) + through
        return grain
