"""PaSST: 527 AudioSet classes and 768 numbers for ten seconds, as video-to-audio papers use it.

Koutini et al., "Efficient Training of Audio Transformers with Patchout" (Interspeech 2022,
2110.05069): a vision transformer on the overlapping patches of a log-mel picture, whose places in
time and in frequency are told apart. The weights' names are those of kkoutini/PaSST
(``passt-s-f128-p16-s10-ap.476-swa.pt``, which the package hear21passt opens by default). Patches
are left out in training alone, so nothing of that is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import nn
from torch.nn import functional

from vtacli.model.encoders.vit import NORM_EPSILON, Block
from vtacli.signal.mel import htk_mel_matrix

RATE_HZ = 32_000
N_FFT, WINDOW, HOP, BANDS = 1024, 800, 320, 128
LOW_HZ, HIGH_HZ = 0.0, 15_000.0
"""In training the upper end was drawn from 14 to 16 kHz; a trained network hears their middle."""
EMPHASIS = 0.97
FLOOR, CENTRE, SPREAD = 1e-5, -4.5, 5.0
"""log(power + FLOOR) is shifted and scaled to about -1..1."""
PATCH, STRIDE, FRAMES = 16, 10, 998
ROWS, COLUMNS = BANDS // STRIDE, FRAMES // STRIDE
"""Of patches: 12 in frequency, 99 in time. There are no places for more."""
CLASSES, WIDTH, DEPTH, HEADS = 527, 768, 12, 12
SHORTEST = (PATCH - 1) * HOP + 1
"""Samples under one column of patches, and the one that raising high tones takes. Anything shorter
is filled up with silence."""
WRAPPED = "net."
ASIDE = ("device_proxy", "mel.window", "mel.preemphasis_coefficient")
"""What hear21passt's wrapper holds beside its network ``net.``, which is no weight."""


class PasstTags(NamedTuple):
    """``logits``: (B, 527); ``features``: (B, 768), what the classes are read from."""

    logits: torch.Tensor
    features: torch.Tensor


class _Patches(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(1, width, PATCH, STRIDE)

    def forward(self, levels: torch.Tensor) -> torch.Tensor:
        """(B, 128, T) -> (B, D, 12, C)."""
        patches: torch.Tensor = self.proj(levels[:, None])
        return patches


class Passt(nn.Module):
    """(B, N) float sound at 32 kHz in -1..1 -> :class:`PasstTags`; past 99 columns of patches,
    which are ten seconds, it does not hear."""

    window: torch.Tensor
    bank: torch.Tensor

    def __init__(self, width: int = WIDTH, depth: int = DEPTH, heads: int = HEADS) -> None:
        super().__init__()
        window = torch.hann_window(WINDOW, periodic=False)
        self.register_buffer("window", window, persistent=False)
        bank = htk_mel_matrix(RATE_HZ, N_FFT, BANDS, LOW_HZ, HIGH_HZ)
        self.register_buffer("bank", torch.from_numpy(bank).float(), persistent=False)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, width))
        self.dist_token = nn.Parameter(torch.zeros(1, 1, width))
        self.new_pos_embed = nn.Parameter(torch.zeros(1, 2, width))
        self.freq_new_pos_embed = nn.Parameter(torch.zeros(1, width, ROWS, 1))
        self.time_new_pos_embed = nn.Parameter(torch.zeros(1, width, 1, COLUMNS))
        self.patch_embed = _Patches(width)
        self.blocks = nn.Sequential(*(Block(width, heads, 4 * width) for _ in range(depth)))
        self.norm = nn.LayerNorm(width, eps=NORM_EPSILON)
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, CLASSES))
        # the files hold it and nothing asks it: both tokens are read by the one head
        self.head_dist = nn.Linear(width, CLASSES)

    def log_mel(self, sound: torch.Tensor) -> torch.Tensor:
        """(B, N) -> (B, 128, T): scaled log powers every 10 ms, of high tones raised."""
        raised = sound[:, 1:] - EMPHASIS * sound[:, :-1]
        spectrum = torch.stft(
            raised, N_FFT, HOP, WINDOW, self.window, pad_mode="reflect", return_complex=True
        )
        power = torch.view_as_real(spectrum).square().sum(dim=-1)
        return (torch.log(self.bank.T @ power + FLOOR) - CENTRE) / SPREAD

    def forward(self, sound: torch.Tensor) -> PasstTags:
        sound = functional.pad(sound, (0, max(SHORTEST - sound.shape[1], 0)))
        x = self.patch_embed(self.log_mel(sound))[..., :COLUMNS]
        x = x + self.time_new_pos_embed[..., : x.shape[-1]] + self.freq_new_pos_embed
        tokens = torch.cat([self.cls_token, self.dist_token], dim=1) + self.new_pos_embed
        x = torch.cat([tokens.expand(len(x), -1, -1), x.flatten(2).transpose(1, 2)], dim=1)
        features = self.norm(self.blocks(x)[:, :2]).mean(dim=1)
        return PasstTags(self.head(features), features)


def weights_of(state: Mapping[str, Any]) -> dict[str, Any]:
    """The network's own weights in a published file: as they are, under ``model``, or in
    hear21passt's wrapper."""
    inner = state.get("model", state)
    return {n.removeprefix(WRAPPED): t for n, t in inner.items() if n not in ASIDE}
