"""VGGish: the network whose 128 numbers the Fréchet audio distance was published with.

Hershey et al., "CNN Architectures for Large-Scale Audio Classification" (ICASSP 2017): a VGG of
six convolutions on log-mel examples of 0.96 s. The weights' names are those of the port
harritaylor/torchvggish (``vggish-10086976.pth``), whose numbers these are, before its PCA.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

RATE_HZ = 16_000
WINDOW, HOP, N_FFT = 400, 160, 512
BANDS, LOW_HZ, HIGH_HZ = 64, 125.0, 7500.0
EXAMPLE_FRAMES = 96
EXAMPLE_SAMPLES = (EXAMPLE_FRAMES - 1) * HOP + WINDOW
LOG_OFFSET = 0.01
WIDTH = 128
CHANNELS = (64, 0, 128, 0, 256, 256, 0, 512, 512, 0)
"""Of the convolutions in order; 0 is a pooling."""


def htk_mel_matrix(
    bands: int = BANDS, low_hz: float = LOW_HZ, high_hz: float = HIGH_HZ
) -> NDArray[np.float64]:
    """(257, bands): triangles on the HTK scale, 1127 ln(1 + f / 700); the bin at 0 Hz is left
    out."""

    def mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.asarray(1127.0 * np.log1p(hz / 700.0))

    bins = mel(np.linspace(0.0, RATE_HZ / 2, N_FFT // 2 + 1))[:, None]
    ends = mel(np.array([low_hz, high_hz]))
    edges = np.linspace(ends[0], ends[1], bands + 2)
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
    matrix = np.asarray(np.maximum(0.0, np.minimum(rise, fall)), np.float64)
    matrix[0] = 0.0
    return matrix


def examples_of(wave: NDArray[np.float32]) -> torch.Tensor:
    """(N,) sound at 16 kHz -> (E, 1, 96, 64): an example each 0.96 s, one at least."""
    padded = np.pad(wave.astype(np.float64), (0, max(0, EXAMPLE_SAMPLES - len(wave))))
    window = 0.5 - 0.5 * np.cos(2 * np.pi / WINDOW * np.arange(WINDOW))
    framed = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP] * window
    magnitude = np.abs(np.fft.rfft(framed, N_FFT))
    levels = np.log(magnitude @ htk_mel_matrix() + LOG_OFFSET)
    whole = len(levels) // EXAMPLE_FRAMES
    shaped = levels[: whole * EXAMPLE_FRAMES].reshape(whole, 1, EXAMPLE_FRAMES, BANDS)
    return torch.from_numpy(shaped).float()


class Vggish(nn.Module):
    """(E, 1, 96, 64) examples -> (E, 128) embeddings."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 1
        for out in CHANNELS:
            if out:
                layers += [nn.Conv2d(channels, out, 3, padding=1), nn.ReLU()]
                channels = out
            else:
                layers.append(nn.MaxPool2d(2))
        self.features = nn.Sequential(*layers)
        self.embeddings = nn.Sequential(
            nn.Linear(512 * 4 * 6, 4096),
            nn.ReLU(),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, WIDTH),
            nn.ReLU(),
        )

    def forward(self, examples: torch.Tensor) -> torch.Tensor:
        seen = self.features(examples)
        # time, bands, channels: the order in which the first weights were trained
        found: torch.Tensor = self.embeddings(seen.permute(0, 2, 3, 1).flatten(1))
        return found
