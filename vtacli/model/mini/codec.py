"""The mel VAE of vta-mini: 1-D, eight mel frames to one latent step of 128 channels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin  # noqa: F401
from torch import nn

from vtacli.model.mini.blocks import ConvNeXtBlock
from vtacli.model.mini.module import MiniModule
from vtacli.model.mini.texture import MelTexture, fixed_grain
from vtacli.model.rounded import OpensRounded


@dataclass(frozen=True)
class Posterior:
    """A diagonal normal over normalised latents. ``mean`` and ``log_variance``: (B, C, T, 1)."""

    mean: torch.Tensor
    log_variance: torch.Tensor

    def sample(self, noise: torch.Tensor) -> torch.Tensor:
        return self.mean + torch.exp(0.5 * self.log_variance) * noise


@dataclass(frozen=True)
class DecodedMel:
    """``sample``: (B, 1, 8 T, bands) natural-log mel."""

    sample: torch.Tensor


class MelCodec(OpensRounded, MiniModule, ConfigMixin):  # type: ignore[misc]
    """Log-mel spectrograms to latents of zero mean and unit variance, and back.

    ``encode``: (B, 1, T, bands) -> :class:`Posterior` over (B, channels, T / 8, 1).
    ``decode``: (B, channels, T / 8, 1) -> (B, 1, T, bands), with grain where the codec has a
    texture (``texture_width`` above 0); its noise comes from a fixed seed, so the same latents
    give the same mel.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        bands: int = 64,
        channels: int = 128,
        width: int = 256,
        deep_width: int = 320,
        shallow_blocks: int = 2,
        deep_blocks: int = 3,
        mel_mean: float = -5.0,
        mel_std: float = 3.0,
        texture_width: int = 0,
        texture_depth: int = 4,
    ):
        super().__init__()
        self.patch_in = nn.Conv1d(bands, width, 4, stride=4)
        self.encoder_shallow = nn.Sequential(*(ConvNeXtBlock(width) for _ in range(shallow_blocks)))
        self.down = nn.Conv1d(width, deep_width, 2, stride=2)
        self.encoder_deep = nn.Sequential(*(ConvNeXtBlock(deep_width) for _ in range(deep_blocks)))
        self.to_moments = nn.Conv1d(deep_width, 2 * channels, 1)
        self.from_latent = nn.Conv1d(channels, deep_width, 3, padding=1)
        self.decoder_deep = nn.Sequential(*(ConvNeXtBlock(deep_width) for _ in range(deep_blocks)))
        self.up = nn.ConvTranspose1d(deep_width, width, 2, stride=2)
        self.decoder_shallow = nn.Sequential(*(ConvNeXtBlock(width) for _ in range(shallow_blocks)))
        self.patch_out = nn.ConvTranspose1d(width, bands, 4, stride=4)
        if texture_width:
            self.texture = MelTexture(bands, width, texture_width, texture_depth, mel_std)
        # Latents are handed out normalised by the training set's own statistics.
        self.register_buffer("latent_mean", torch.zeros(channels))
        self.register_buffer("latent_std", torch.ones(channels))

    def moments(self, mel: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Raw mean and log-variance, each (B, C, T / 8), before normalisation."""
        x = (mel[:, 0].transpose(1, 2) - self.config.mel_mean) / self.config.mel_std
        x = self.encoder_deep(self.down(self.encoder_shallow(self.patch_in(x))))
        mean, log_variance = self.to_moments(x).chunk(2, dim=1)
        return mean, log_variance.clamp(-20, 4)

    def features(self, raw: torch.Tensor) -> torch.Tensor:
        """Raw latents (B, C, T / 8) -> what the decoder makes of them, (B, width, T / 4)."""
        made: torch.Tensor = self.decoder_shallow(self.up(self.decoder_deep(self.from_latent(raw))))
        return made

    def smooth(self, features: torch.Tensor) -> torch.Tensor:
        """Features -> the likeliest mel, normalised and without grain: (B, bands, T)."""
        made: torch.Tensor = self.patch_out(features)
        return made

    def textured(self, features: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Features and the grain of noise (B or 1, bands, T) -> one of the mels that it may have
        been, normalised: (B, bands, T)."""
        smooth = self.smooth(features)
        made: torch.Tensor = smooth + self.texture(smooth, features, noise)
        return made

    def to_log_mel(self, normalised: torch.Tensor) -> torch.Tensor:
        """(B, bands, T) -> natural-log mel (B, 1, T, bands)."""
        mel: torch.Tensor = normalised * self.config.mel_std + self.config.mel_mean
        return mel.transpose(1, 2).unsqueeze(1)

    def reconstruct(self, raw: torch.Tensor) -> torch.Tensor:
        """Raw latents (B, C, T / 8) -> the likeliest mel (B, 1, T, bands), without grain."""
        return self.to_log_mel(self.smooth(self.features(raw)))

    def raw(self, latents: torch.Tensor) -> torch.Tensor:
        """(B, C, T, 1) as handed out -> (B, C, T) as the decoder reads them."""
        raw: torch.Tensor = (
            latents.squeeze(-1) * self.latent_std[:, None] + self.latent_mean[:, None]
        )
        return raw

    def encode(self, mel: torch.Tensor) -> Posterior:
        mean, log_variance = self.moments(mel)
        mean = (mean - self.latent_mean[:, None]) / self.latent_std[:, None]
        log_variance = log_variance - 2 * torch.log(self.latent_std)[:, None]
        return Posterior(mean.unsqueeze(-1), log_variance.unsqueeze(-1))

    def decode(self, latents: torch.Tensor) -> DecodedMel:
        features = self.features(self.raw(latents))
        if not self.config.texture_width:
            return DecodedMel(self.to_log_mel(self.smooth(features)))
        noise = fixed_grain(8 * latents.shape[2], features)
        return DecodedMel(self.to_log_mel(self.textured(features, noise)))
