"""The published vocoder: HiFi-GAN's generator (Kong et al., 2010.05646), version 1, as AudioLDM
trained it for 64 mel bands at 16 kHz. Parameter names are the published ones."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

SLOPE = 0.1
LAST_SLOPE = 0.01


def _same(kernel: int, dilation: int = 1) -> int:
    return (kernel * dilation - dilation) // 2


class ResidualBlock(nn.Module):
    """Pairs of a dilated and a plain convolution, each pair added to its input."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]):
        super().__init__()
        self.convs1 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, dilation=d, padding=_same(kernel, d))
            for d in dilations
        )
        self.convs2 = nn.ModuleList(
            nn.Conv1d(channels, channels, kernel, padding=_same(kernel)) for _ in dilations
        )

    def forward(self, x: Tensor) -> Tensor:
        for dilated, plain in zip(self.convs1, self.convs2, strict=True):
            x = x + plain(leaky_relu(dilated(leaky_relu(x, SLOPE)), SLOPE))
        return x


class HifiGan(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Natural-log mel (B, 1, T, bands) to a wave (B, N) in (-1, 1).

    With the published kernels N is 160 T + 32: the first transposed convolution (kernel 16,
    stride 5) cannot be padded symmetrically and gives one step too many, 32 samples later on.
    Weight normalisation is folded into the weights, as published.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        mel_bands: int = 64,
        channels: int = 1024,
        upsample_rates: Sequence[int] = (5, 4, 2, 2, 2),
        upsample_kernels: Sequence[int] = (16, 16, 8, 4, 4),
        block_kernels: Sequence[int] = (3, 7, 11),
        block_dilations: Sequence[int] = (1, 3, 5),
    ):
        super().__init__()
        self.conv_pre = nn.Conv1d(mel_bands, channels, 7, padding=3)
        self.ups = nn.ModuleList()
        self.resblocks = nn.ModuleList()
        for rate, kernel in zip(upsample_rates, upsample_kernels, strict=True):
            self.ups.append(
                nn.ConvTranspose1d(
                    channels, channels // 2, kernel, rate, padding=(kernel - rate) // 2
                )
            )
            channels //= 2
            self.resblocks.extend(
                ResidualBlock(channels, width, block_dilations) for width in block_kernels
            )
        self.conv_post = nn.Conv1d(channels, 1, 7, padding=3)

    def forward(self, mel: Tensor) -> Tensor:
        """(B, 1, T, bands) -> (B, N)."""
        x = self.conv_pre(mel[:, 0].transpose(1, 2))
        each = len(self.resblocks) // len(self.ups)
        for i, up in enumerate(self.ups):
            x = up(leaky_relu(x, SLOPE))
            blocks = self.resblocks[i * each : (i + 1) * each]
            total = blocks[0](x)
            for block in blocks[1:]:
                total = total + block(x)
            x = total / each
        return torch.tanh(self.conv_post(leaky_relu(x, LAST_SLOPE)))[:, 0]
