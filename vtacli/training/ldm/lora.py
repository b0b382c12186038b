"""Low-rank changes (Hu et al., 2106.09685) to a finished denoiser.

A layer's weight W becomes W + scale · up · down, W itself frozen. ``up`` starts at zero, so that
training starts at the finished model. What is saved is the sum, which every program opens, and
beside it the two factors alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.utils import parametrize

from vtacli.errors import ConfigError


class LowRankChange(nn.Module):
    """The change of one weight, (out, in) or a convolution's (out, in, height, width)."""

    def __init__(self, weight: Tensor, rank: int, scale: float):
        super().__init__()
        wide = weight[0].numel()
        rank = min(rank, weight.shape[0], wide)
        self.scale = scale
        self.down = nn.Parameter(torch.randn(rank, wide) / wide**0.5)
        self.up = nn.Parameter(torch.zeros(weight.shape[0], rank))

    def forward(self, weight: Tensor) -> Tensor:
        return weight + self.scale * (self.up @ self.down).view_as(weight)


def add_lora(model: nn.Module, rank: int, scale: float, ends: Sequence[str]) -> list[str]:
    """Freeze ``model`` and let the weights of the layers whose names end so learn a change.

    Gives the layers' names. Raises ConfigError where there is none of such a name.
    """
    model.requires_grad_(False)
    chosen = {
        name: layer
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear | nn.Conv2d)
        and any(name == end or name.endswith(f".{end}") for end in ends)
    }
    if not chosen:
        raise ConfigError(f"the denoiser has no layer whose name ends in {', '.join(ends)}")
    for layer in chosen.values():
        change = LowRankChange(layer.weight, rank, scale)
        parametrize.register_parametrization(layer, "weight", change)
        layer.get_parameter("parametrizations.weight.original").requires_grad_(False)
    return list(chosen)


def adapters_of(model: nn.Module) -> dict[str, Tensor]:
    """``LAYER.down`` (rank, in) and ``LAYER.up`` (out, rank) of every changed layer."""
    found = {}
    for name, layer in model.named_modules():
        if isinstance(layer, LowRankChange):
            plain = name.replace(".parametrizations.weight.0", "")
            found[f"{plain}.down"] = layer.down.detach().cpu().contiguous()
            found[f"{plain}.up"] = layer.up.detach().cpu().contiguous()
    return found


def save_adapters(model: nn.Module, path: Path, start: str, scale: float) -> None:
    """One safetensors file; its header says which model was changed, and the scale."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(adapters_of(model), path, metadata={"start": start, "scale": str(scale)})


def merge_lora(model: nn.Module) -> None:
    """Write the changes into the weights; the model is then of its usual kind again."""
    for layer in list(model.modules()):
        if parametrize.is_parametrized(layer, "weight"):
            parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)
