"""PANNs' Cnn14: 527 AudioSet classes and 2048 numbers for a sound, as audio papers use it.

Kong et al., "PANNs: Large-Scale Pretrained Audio Neural Networks for Audio Pattern Recognition"
(TASLP 2020). The weights' names are those of qiuqiangkong/audioset_tagging_cnn
(``Cnn14_mAP=0.431.pth``, 32 kHz).
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import nn
from torch.nn import functional

RATE_HZ = 32_000
N_FFT, HOP, BANDS = 1024, 320, 64
FLOOR = 1e-10
CLASSES, WIDTH = 527, 2048
CHANNELS = (64, 128, 256, 512, 1024, 2048)
SHORTEST = 32 * HOP
"""Samples under one column of the last feature map. Anything shorter is filled up with silence."""
FOURIER = tuple(f"spectrogram_extractor.stft.conv_{part}.weight" for part in ("real", "imag"))
"""What the published files keep of a Fourier transform, which is no weight."""


class PannsTags(NamedTuple):
    """``logits``: (B, 527); ``embeddings``: (B, 2048)."""

    logits: torch.Tensor
    embeddings: torch.Tensor


class _Block(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, out, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(out, out, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out)
        self.bn2 = nn.BatchNorm2d(out)

    def forward(self, x: torch.Tensor, pool: int) -> torch.Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        x = functional.relu(self.bn2(self.conv2(x)))
        return functional.avg_pool2d(x, pool) if pool > 1 else x


class _Mel(nn.Module):
    """The (513, 64) matrix that came with the weights."""

    def __init__(self) -> None:
        super().__init__()
        self.melW = nn.Parameter(torch.zeros(N_FFT // 2 + 1, BANDS))


class Cnn14(nn.Module):
    """(B, N) float sound at 32 kHz in -1..1 -> :class:`PannsTags`."""

    window: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        window = torch.hann_window(N_FFT, periodic=True)
        self.register_buffer("window", window, persistent=False)
        self.logmel_extractor = _Mel()
        self.bn0 = nn.BatchNorm2d(BANDS)
        channels = 1
        for number, out in enumerate(CHANNELS, start=1):
            self.add_module(f"conv_block{number}", _Block(channels, out))
            channels = out
        self.fc1 = nn.Linear(WIDTH, WIDTH)
        self.fc_audioset = nn.Linear(WIDTH, CLASSES)

    def log_mel(self, sound: torch.Tensor) -> torch.Tensor:
        """(B, N) -> (B, 1, T, 64): mel energies in dB every 10 ms."""
        spectrum = torch.stft(
            sound, N_FFT, HOP, window=self.window, pad_mode="reflect", return_complex=True
        )
        energy = spectrum.abs().square().transpose(1, 2) @ self.logmel_extractor.melW
        return 10 * torch.log10(energy.clamp(min=FLOOR))[:, None]

    def forward(self, sound: torch.Tensor) -> PannsTags:
        sound = functional.pad(sound, (0, max(SHORTEST - sound.shape[1], 0)))
        x = self.bn0(self.log_mel(sound).transpose(1, 3)).transpose(1, 3)
        for number in range(1, len(CHANNELS) + 1):
            block = self.get_submodule(f"conv_block{number}")
            x = block(x, 2 if number < len(CHANNELS) else 1)
        x = x.mean(dim=3)
        embeddings = functional.relu(self.fc1(x.amax(dim=2) + x.mean(dim=2)))
        return PannsTags(self.fc_audioset(embeddings), embeddings)
