"""What is trained, as one module: the encoder's projection and the denoiser behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from vtacli.model.controlled import ControlledUNet
from vtacli.model.encoders.features import WindowFeatures


class Denoising(nn.Module):
    """Noisy latents and what is known of each window to the denoiser's word on them.

    ``encoder``: an :class:`vtacli.model.assembled.Assembled`, of which only the part behind the
    cached features runs here; its tower stays as it is.
    """

    def __init__(self, encoder: Any, unet: nn.Module):
        super().__init__()
        self.encoder = encoder
        self.unet = unet

    def forward(
        self, noisy: Tensor, timesteps: Tensor, rows: Sequence[WindowFeatures], kept: Tensor
    ) -> Tensor:
        """(B, C, T, F). ``timesteps``: (B,); ``kept``: (B,) bool, False where the condition is
        left out.

        A condition that is left out is what guidance leads away from: zeros, all of them counted.
        It is multiplied away rather than not made, so that every weight has a gradient in every
        step on every process.
        """
        asked = self.encoder.condition_of([row.to(noisy.device) for row in rows])
        weight = kept.to(asked.tokens)
        named: dict[str, Any] = {
            "encoder_hidden_states": asked.tokens * weight[:, None, None],
            "encoder_attention_mask": asked.mask | ~kept[:, None],
        }
        if asked.control is not None and isinstance(self.unet, ControlledUNet):
            named["control"] = asked.control * weight[:, None, None]
        said: Tensor = self.unet(noisy, timesteps, **named).sample
        return said


def trainable_names(module: nn.Module) -> list[str]:
    """The names of everything that asks for a gradient."""
    return [name for name, p in module.named_parameters() if p.requires_grad]


def trainable_parameters(module: nn.Module) -> list[nn.Parameter]:
    """The one list: the optimizer gets it, the gradient is clipped over it, its average is kept
    and its state is saved."""
    return [p for p in module.parameters() if p.requires_grad]


@torch.no_grad()
def load_trainable(module: nn.Module, values: dict[str, Tensor]) -> None:
    """Give the trainable parameters these values. Raises KeyError where the names differ."""
    names = dict(module.named_parameters())
    expected = set(trainable_names(module))
    if expected != set(values):
        raise KeyError(min(expected ^ set(values)))
    for name, value in values.items():
        names[name].copy_(value)
