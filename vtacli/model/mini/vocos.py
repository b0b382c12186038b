"""The vocoder of vta-mini: ConvNeXt features and an inverse-STFT head (Siuzdak, 2306.00814)."""

from __future__ import annotations

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import nn

from vtacli.model.mini.blocks import ConvNeXtBlock


class InverseStftVocoder(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Natural-log mel (B, 1, T, bands) or (B, T, bands) -> wave (B, T * hop), full scale 1.

    One frame of features gives one frame of a short-time spectrum; the inverse transform makes
    the samples, so the network runs at 100 frames a second and never at the sample rate.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        bands: int = 64,
        width: int = 256,
        depth: int = 6,
        fft: int = 640,
        hop: int = 160,
        mel_mean: float = -5.0,
        mel_std: float = 3.0,
    ):
        super().__init__()
        self.embed = nn.Conv1d(bands, width, 7, padding=3)
        self.norm_in = nn.LayerNorm(width, eps=1e-6)
        self.blocks = nn.Sequential(*(ConvNeXtBlock(width) for _ in range(depth)))
        self.norm_out = nn.LayerNorm(width, eps=1e-6)
        self.head = nn.Linear(width, 2 * (fft // 2 + 1))
        self.register_buffer("window", torch.hann_window(fft), persistent=False)

    def forward(self, mel: torch.Tensor) -> torch.Tensor:
        if mel.ndim == 4:
            mel = mel[:, 0]
        frames = mel.shape[1]
        x = (mel.transpose(1, 2) - self.config.mel_mean) / self.config.mel_std
        x = self.norm_in(self.embed(x).transpose(1, 2)).transpose(1, 2)
        x = self.head(self.norm_out(self.blocks(x).transpose(1, 2))).transpose(1, 2)
        log_magnitude, phase = x.chunk(2, dim=1)
        # The cap keeps one bad frame from becoming an infinite sample.
        magnitude = torch.exp(log_magnitude.clamp(max=6.0))
        spectrum = torch.complex(magnitude * torch.cos(phase), magnitude * torch.sin(phase))
        # T frames centred on 0, hop, 2 hop ... span (T - 1) * hop samples; the last frame is
        # repeated so that T frames give T * hop.
        spectrum = torch.cat([spectrum, spectrum[..., -1:]], dim=-1)
        return torch.istft(
            spectrum,
            self.config.fft,
            self.config.hop,
            window=self.window.to(spectrum.real.dtype),
            length=frames * self.config.hop,
        )
