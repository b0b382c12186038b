"""V-JEPA 2's encoder, as transformers has it: rotary positions, so any number of frames.

Assran et al., 2506.09985. A window is one call; the last frame is repeated where their number is
odd. A token is a tubelet of two frames, the mean over the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from torch import Tensor
from transformers import VJEPA2Config
from transformers.models.vjepa2.modeling_vjepa2 import VJEPA2Encoder

from vtacli.model.encoders.base import FrozenEncoder, Tokens, tubelet_times
from vtacli.model.encoders.vit import depth_of

SAID_BESIDE = (
    "crop_size",
    "frames_per_clip",
    "num_attention_heads",
    "hidden_act",
    "layer_norm_eps",
)
"""What the shapes do not tell."""


class VJepa2(FrozenEncoder):
    """``vision``: the network's settings as transformers names them; None: those of the published
    ViT-L at 256 pixels."""

    NAME = "vjepa2"
    UPSTREAM_IGNORED = ("predictor.",)

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, vision: Mapping[str, Any] | None = None):
        super().__init__()
        self.settings = VJEPA2Config(**(vision or {}), attn_implementation="sdpa")
        self.encoder = VJEPA2Encoder(self.settings)
        self.freeze()

    @property
    def frame_size_px(self) -> int:
        return int(self.settings.crop_size)

    @property
    def token_width(self) -> int:
        return int(self.settings.hidden_size)

    def tokens_of(self, pixels: Tensor, times_s: NDArray[np.float64]) -> Tokens:
        tubelet = self.settings.tubelet_size
        missing = -len(pixels) % tubelet
        clip = torch.cat([pixels, pixels[-1:].expand(missing, -1, -1, -1)])
        tokens = self.encoder(clip[None]).last_hidden_state[0]
        return tokens.unflatten(0, (len(clip) // tubelet, -1)).mean(dim=1), tubelet_times(
            times_s, tubelet
        )

    @classmethod
    def settings_of(cls, state: Mapping[str, Tensor]) -> dict[str, Any]:
        patch = state["encoder.embeddings.patch_embeddings.proj.weight"]
        inner = state["encoder.layer.0.mlp.fc1.weight"].shape[0]
        found = {
            "hidden_size": patch.shape[0],
            "tubelet_size": patch.shape[2],
            "patch_size": patch.shape[-1],
            "num_hidden_layers": depth_of(state, "encoder.layer."),
            "mlp_ratio": inner / patch.shape[0],
        }
        return {"vision": found}

    @classmethod
    def settings_beside(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"vision": {name: config[name] for name in SAID_BESIDE if name in config}}
