"""The published mel autoencoder: latent diffusion's, which diffusers has as ``AutoencoderKL``.

What is ours is to read its sizes off the weights and to know what the published names are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from torch import Tensor

_RENAMES = (
    (r"mid_block\.attentions\.0\.", "mid.attn_1."),
    (r"mid_block\.resnets\.0\.", "mid.block_1."),
    (r"mid_block\.resnets\.1\.", "mid.block_2."),
    (r"down_blocks\.(\d+)\.resnets\.(\d+)\.", r"down.\1.block.\2."),
    (r"down_blocks\.(\d+)\.downsamplers\.0\.", r"down.\1.downsample."),
    (r"attn_1\.group_norm\.", "attn_1.norm."),
    (r"attn_1\.to_([qkv])\.", r"attn_1.\1."),
    (r"attn_1\.to_out\.0\.", "attn_1.proj_out."),
    (r"conv_norm_out\.", "norm_out."),
    (r"\.conv_shortcut\.", ".nin_shortcut."),
)


def published_name(ours: str, levels: int) -> str:
    """diffusers' name of a parameter to the published one. The decoder's levels count the other
    way round."""

    def up(match: re.Match[str]) -> str:
        return f"up.{levels - 1 - int(match[1])}."

    name = re.sub(r"up_blocks\.(\d+)\.", up, ours)
    name = re.sub(r"(up\.\d+)\.resnets\.(\d+)\.", r"\1.block.\2.", name)
    name = re.sub(r"(up\.\d+)\.upsamplers\.0\.", r"\1.upsample.", name)
    for pattern, replacement in _RENAMES:
        name = re.sub(pattern, replacement, name)
    return name


def config_of(published: Mapping[str, Tensor], scale_factor: float) -> dict[str, Any]:
    """The settings of ``AutoencoderKL`` for a published state dict, read off its shapes.

    ``scale_factor`` multiplies latents before the denoiser sees them. Raises :class:`KeyError`
    where a parameter that tells a size is absent.
    """
    levels = _count(published, r"encoder\.down\.(\d+)\.")
    blocks = _count(published, r"encoder\.down\.0\.block\.(\d+)\.")
    widths = [
        int(published[f"encoder.down.{level}.block.0.conv1.weight"].shape[0])
        for level in range(levels)
    ]
    return {
        "in_channels": int(published["encoder.conv_in.weight"].shape[1]),
        "out_channels": int(published["decoder.conv_out.weight"].shape[0]),
        "down_block_types": ["DownEncoderBlock2D"] * levels,
        "up_block_types": ["UpDecoderBlock2D"] * levels,
        "block_out_channels": widths,
        "layers_per_block": blocks,
        "latent_channels": int(published["post_quant_conv.weight"].shape[1]),
        "scaling_factor": scale_factor,
        "force_upcast": False,
    }


def _count(names: Iterable[str], pattern: str) -> int:
    """One more than the highest number that the pattern finds at a name's start."""
    found = [int(match[1]) for name in names if (match := re.match(pattern, name))]
    if not found:
        raise KeyError(pattern)
    return max(found) + 1
