"""The denoiser of vta-mini: a transformer over 128 latent steps, with curves as channels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin  # noqa: F401
from torch import nn
from torch.nn import functional as F

from vtacli.model.mini.module import MiniModule
from vtacli.model.rounded import OpensRounded


@dataclass(frozen=True)
class Velocity:
    """``sample``: (B, C, T, 1), noise minus data, as rectified flow defines it."""

    sample: torch.Tensor


def timestep_features(timestep: torch.Tensor, width: int) -> torch.Tensor:
    """Sinusoids of a timestep in [0, 1000]. (B,) -> (B, width). Vaswani et al., section 3.5."""
    half = width // 2
    frequencies = torch.exp(-math.log(10_000) * torch.arange(half, device=timestep.device) / half)
    angles = timestep.float()[:, None] * frequencies
    return torch.cat([torch.cos(angles), torch.sin(angles)], dim=-1)


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """Rotary positions (Su et al., 2104.09864). x: (B, H, T, D); cos and sin: (T, D / 2)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


class Block(nn.Module):
    """Attention over time, a depthwise convolution for sharp timing, and an MLP.

    The norms are modulated by the condition. Shape: (B, T, W) -> (B, T, W).
    """

    def __init__(self, width: int, heads: int, kernel: int = 5):
        super().__init__()
        self.heads = heads
        self.norm_attention = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm_mlp = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.local = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.mlp_in = nn.Linear(width, 4 * width)
        self.mlp_out = nn.Linear(4 * width, width)
        # Modulation is shared by all blocks but for this offset (PixArt-alpha, 2310.00426, 2.3).
        self.modulation = nn.Parameter(torch.zeros(6, width))

    def forward(
        self, x: torch.Tensor, modulation: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor
    ) -> torch.Tensor:
        shift_a, scale_a, gate_a, shift_m, scale_m, gate_m = (
            (modulation + self.modulation).unsqueeze(2).unbind(1)
        )
        batch, steps, width = x.shape
        y = self.norm_attention(x) * (1 + scale_a) + shift_a
        q, k, v = (
            self.qkv(y)
            .view(batch, steps, 3, self.heads, width // self.heads)
            .permute(2, 0, 3, 1, 4)
        )
        y = F.scaled_dot_product_attention(rotate(q, cos, sin), rotate(k, cos, sin), v)
        x = x + gate_a * self.out(y.transpose(1, 2).reshape(batch, steps, width))
        y = self.norm_mlp(x) * (1 + scale_m) + shift_m
        y = y + self.local(y.transpose(1, 2)).transpose(1, 2)
        y = self.mlp_out(F.gelu(self.mlp_in(y), approximate="tanh"))
        out: torch.Tensor = x + gate_m * y
        return out


class MiniDenoiser(OpensRounded, MiniModule, ConfigMixin):  # type: ignore[misc]
    """Velocity of a rectified flow from noise (t = 1000) to latents (t = 0).

    ``sample``: (B, 128, T, 1); ``timestep``: scalar or (B,); ``encoder_hidden_states``:
    (B, S, text_width) with ``encoder_attention_mask`` (B, S): unit sentence vectors, pooled by
    their mean. No token at all is the learnt "nothing was said", which is not the same as a
    zero vector, "nothing here makes a sound". ``control``: (B, C, T), or None for zeros.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        latent_channels: int = 128,
        control_channels: int = 155,
        text_width: int = 256,
        width: int = 256,
        depth: int = 8,
        heads: int = 4,
    ):
        super().__init__()
        self.embed = nn.Linear(latent_channels + control_channels, width)
        self.embed_local = nn.Conv1d(width, width, 3, padding=1)
        self.time_mlp = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.text_mlp = nn.Sequential(
            nn.Linear(text_width, 2 * width), nn.SiLU(), nn.Linear(2 * width, width)
        )
        self.nothing_said = nn.Parameter(torch.zeros(width))
        self.modulation = nn.Sequential(nn.SiLU(), nn.Linear(width, 6 * width))
        self.blocks = nn.ModuleList(Block(width, heads) for _ in range(depth))
        self.norm_out = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.modulation_out = nn.Sequential(nn.SiLU(), nn.Linear(width, 2 * width))
        self.project_out = nn.Linear(width, latent_channels)
        for layer in (self.modulation[1], self.modulation_out[1], self.project_out):
            assert isinstance(layer, nn.Linear)
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def said(self, tokens: torch.Tensor, mask: torch.Tensor | None) -> torch.Tensor:
        """Pooled words, (B, S, D) and (B, S) -> (B, width)."""
        if mask is None:
            mask = torch.ones(tokens.shape[:2], dtype=torch.bool, device=tokens.device)
        weight = mask.to(tokens.dtype)[..., None]
        count = weight.sum(dim=1)
        pooled = self.text_mlp((tokens * weight).sum(dim=1) / count.clamp(min=1))
        return torch.where(count > 0, pooled, self.nothing_said.to(pooled.dtype))

    def forward(
        self,
        sample: torch.Tensor,
        timestep: torch.Tensor | float,
        encoder_hidden_states: torch.Tensor,
        encoder_attention_mask: torch.Tensor | None = None,
        control: torch.Tensor | None = None,
        return_dict: bool = True,
    ) -> Velocity | tuple[torch.Tensor]:
        batch, _, steps, _ = sample.shape
        if control is None:
            control = sample.new_zeros(batch, self.config.control_channels, steps)
        timestep = torch.as_tensor(timestep, device=sample.device).expand(batch)
        x = torch.cat([sample.squeeze(-1), control], dim=1).transpose(1, 2)
        x = self.embed(x)
        x = x + self.embed_local(x.transpose(1, 2)).transpose(1, 2)
        time = self.time_mlp(timestep_features(timestep, self.config.width).to(x.dtype))
        condition = time + self.said(encoder_hidden_states, encoder_attention_mask)
        modulation = self.modulation(condition).view(batch, 6, self.config.width)
        half = self.config.width // self.config.heads // 2
        angles = torch.outer(
            torch.arange(steps, device=x.device, dtype=torch.float32),
            torch.exp(-math.log(1_000) * torch.arange(half, device=x.device) / half),
        )
        cos, sin = torch.cos(angles).to(x.dtype), torch.sin(angles).to(x.dtype)
        for block in self.blocks:
            x = block(x, modulation, cos, sin)
        shift, scale = self.modulation_out(condition).unsqueeze(1).chunk(2, dim=-1)
        x = self.project_out(self.norm_out(x) * (1 + scale) + shift)
        velocity = x.transpose(1, 2).unsqueeze(-1)
        return Velocity(velocity) if return_dict else (velocity,)
