"""A denoiser that also sees curves: channels beside the latents, at the latents' own rate."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from diffusers import UNet2DConditionModel

# diffusers opens a class whose own module has this name, and no other.
from diffusers.models.modeling_utils import ModelMixin  # noqa: F401
from torch import Tensor, nn


class ControlledUNet(UNet2DConditionModel):  # type: ignore[misc]
    """diffusers' UNet whose ``in_channels`` are the latents' and, behind them, the control's.

    ``control``: (B, C, L) with L the latents' time steps; each value stands beside all frequencies
    of its step. None is zeros: "nobody knows".
    """

    @property
    def control_channels(self) -> int:
        return int(self.config.in_channels - self.config.out_channels)

    def forward(
        self, sample: Tensor, timestep: Any, *args: Any, control: Tensor | None = None, **named: Any
    ) -> Any:
        batch, _, steps, bands = sample.shape
        if control is None:
            control = sample.new_zeros(batch, self.control_channels, steps)
        if control.shape != (batch, self.control_channels, steps):
            raise ValueError(
                f"control is {(batch, self.control_channels, steps)}, got {tuple(control.shape)}"
            )
        beside = control.to(sample)[..., None].expand(-1, -1, -1, bands)
        return super().forward(torch.cat([sample, beside], dim=1), timestep, *args, **named)

    @classmethod
    def beside(cls, config: Mapping[str, Any], control_channels: int) -> ControlledUNet:
        """A new one of a plain UNet's config. The added channels begin with weights of zero, as a
        widened one's do."""
        channels = int(config["in_channels"])
        kept = {name: value for name, value in config.items() if not name.startswith("_")}
        unet: ControlledUNet = cls.from_config(
            {**kept, "in_channels": channels + control_channels, "out_channels": channels}
        )
        first = unet.conv_in
        assert isinstance(first, nn.Conv2d)
        with torch.no_grad():
            first.weight[:, channels:] = 0
        return unet

    @classmethod
    def widened(cls, unet: UNet2DConditionModel, control_channels: int) -> ControlledUNet:
        """A plain UNet's weights with channels added: until it is trained further, it predicts
        what the plain one does, whatever the control."""
        wide = cls.beside(unet.config, control_channels)
        state = dict(unet.state_dict())
        weight = state["conv_in.weight"]
        zeros = weight.new_zeros(len(weight), control_channels, *weight.shape[2:])
        state["conv_in.weight"] = torch.cat([weight, zeros], dim=1)
        wide.load_state_dict(state)
        return wide
