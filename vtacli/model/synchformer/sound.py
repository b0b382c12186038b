"""What is heard: an audio spectrogram transformer (Gong et al., Interspeech 2021).

Patches of 16 bands and 16 frames, every 10 of each: 12 of bands and 6 of time in a segment; the
bands of a time become one token. The weights' names are transformers' own of AST.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.nn import functional

from vtacli.model.synchformer.attention import attend
from vtacli.model.synchformer.gathering import Gathering

RATE_HZ = 16_000
WINDOW, HOP, N_FFT = 400, 160, 1024
BANDS = 128
LOG_OFFSET = 1e-6
MEAN, SPREAD = -4.2677393, 4.5689974
"""Of the log-mel of AudioSet, as AST was trained with them: less the mean, over twice the other."""
FRAMES = 66
"""Of a spectrogram. A segment has 65; the last one is filled up with 0, which is no silence: 0 is
taken before the mean is, as the published weights have learned it."""
PATCH, STRIDE = 16, 10
ROWS = (BANDS - PATCH) // STRIDE + 1
TOKENS = (FRAMES - PATCH) // STRIDE + 1
"""That a segment of the sound becomes: its patches over time. ``ROWS``: those over the bands."""
HEAD_WIDTH = 64
NORM_EPSILON = 1e-12


@lru_cache(maxsize=1)
def mel_matrix() -> Tensor:
    """(513, 128): triangles of height 1 between 0 and 8000 Hz on the HTK scale,
    2595 log10(1 + f / 700)."""
    top = 2595 * math.log10(1 + RATE_HZ / 2 / 700)
    edges = 700 * (10 ** (torch.linspace(0, top, BANDS + 2, dtype=torch.float64) / 2595) - 1)
    bins = torch.linspace(0, RATE_HZ / 2, N_FFT // 2 + 1, dtype=torch.float64)[:, None]
    low, middle, high = edges[:-2], edges[1:-1], edges[2:]
    rise, fall = (bins - low) / (middle - low), (high - bins) / (high - middle)
    return torch.minimum(rise, fall).clamp(min=0).float()


def spectrograms_of(segments: Tensor) -> Tensor:
    """(B, 10240) sound at 16 kHz -> (B, 66, 128) log-mel power every 10 ms, normalised."""
    window = torch.hann_window(WINDOW, periodic=True, device=segments.device)
    spectrum = torch.stft(
        segments, N_FFT, HOP, WINDOW, window=window, pad_mode="reflect", return_complex=True
    )
    power = spectrum.abs().square().transpose(1, 2) @ mel_matrix().to(segments.device)
    levels = functional.pad(torch.log(power + LOG_OFFSET), (0, 0, 0, FRAMES - power.shape[1]))
    return (levels - MEAN) / (2 * SPREAD)


class _Attention(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(width, width) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        return attend(self.query(x), self.key(x), self.value(x), HEAD_WIDTH)


class _Dense(nn.Module):
    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.dense = nn.Linear(width, out)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.dense(x)
        return found


class _Layer(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.attention = nn.ModuleDict(
            {"attention": _Attention(width), "output": _Dense(width, width)}
        )
        self.intermediate = _Dense(width, 4 * width)
        self.output = _Dense(4 * width, width)
        self.layernorm_before = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.layernorm_after = nn.LayerNorm(width, eps=NORM_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        attended = self.attention["attention"](self.layernorm_before(x))
        x = x + self.attention["output"](attended)
        inner = functional.gelu(self.intermediate(self.layernorm_after(x)))
        found: Tensor = x + self.output(inner)
        return found


class _Patches(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(1, width, PATCH, stride=STRIDE)


class _Embeddings(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.distillation_token = nn.Parameter(torch.zeros(1, 1, width))
        self.position_embeddings = nn.Parameter(torch.zeros(1, 2 + ROWS * TOKENS, width))
        self.patch_embeddings = _Patches(width)

    def forward(self, spectrograms: Tensor) -> Tensor:
        patches = self.patch_embeddings.projection(spectrograms.transpose(1, 2)[:, None])
        own = torch.cat([self.cls_token, self.distillation_token], dim=1)
        x = torch.cat([own.expand(len(patches), -1, -1), patches.flatten(2).transpose(1, 2)], dim=1)
        return x + self.position_embeddings


class _Encoder(nn.Module):
    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.layer = nn.ModuleList(_Layer(width) for _ in range(depth))


class _Ast(nn.Module):
    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.embeddings = _Embeddings(width)
        self.encoder = _Encoder(width, depth)
        self.layernorm = nn.LayerNorm(width, eps=NORM_EPSILON)

    def forward(self, spectrograms: Tensor) -> Tensor:
        x = self.embeddings(spectrograms)
        for layer in self.encoder.layer:
            x = layer(x)
        found: Tensor = self.layernorm(x)
        return found


class Sound(nn.Module):
    """(B, 66, 128) spectrograms -> (B, 6, D)."""

    def __init__(self, width: int, depth: int) -> None:
        super().__init__()
        self.ast = _Ast(width, depth)
        self.freq_attn_agg = Gathering(width, width // HEAD_WIDTH)

    def forward(self, spectrograms: Tensor) -> Tensor:
        patches = self.ast(spectrograms)[:, 2:].unflatten(1, (ROWS, TOKENS)).transpose(1, 2)
        found: Tensor = self.freq_attn_agg(patches.flatten(0, 1)).unflatten(0, (-1, TOKENS))
        return found
