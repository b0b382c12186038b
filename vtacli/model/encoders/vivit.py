"""ViViT, as transformers has it: a transformer over tubelets of two frames, learned on Kinetics.

Arnab et al., 2103.15691, model 1 with 16x2 tubelets. It sees 32 frames at a time, at 12.5 a second
2.56 s: a window of 10.24 s is four such clips; the last frame is repeated to fill a shorter one,
and what speaks of repeated frames alone is dropped. A token is a tubelet's mean over the picture.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from torch import Tensor
from transformers import VivitConfig, VivitModel

from vtacli.model.encoders.base import FrozenEncoder, Tokens, clips, tubelet_times
from vtacli.model.encoders.vit import depth_of

_IN_LAYER = {
    "layers.": "encoder.layer.",
    "attention.q_proj": "attention.attention.query",
    "attention.k_proj": "attention.attention.key",
    "attention.v_proj": "attention.attention.value",
    "attention.o_proj": "attention.output.dense",
    "mlp.fc1": "intermediate.dense",
    "mlp.fc2": "output.dense",
}
"""Names of transformers 5 to those under which the weights were published."""

SAID_BESIDE = ("image_size", "num_frames", "num_attention_heads", "hidden_act", "layer_norm_eps")
"""What the shapes do not tell."""


class Vivit(FrozenEncoder):
    """``vision``: the network's settings as transformers names them; None: the published ones."""

    NAME = "vivit"
    UPSTREAM_IGNORED = ("classifier.", "vivit.pooler.")

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, vision: Mapping[str, Any] | None = None):
        super().__init__()
        self.settings = VivitConfig(**(vision or {}))
        self.vivit = VivitModel(self.settings, add_pooling_layer=False)
        self.freeze()

    @property
    def frame_size_px(self) -> int:
        return int(self.settings.image_size)

    @property
    def token_width(self) -> int:
        return int(self.settings.hidden_size)

    @property
    def clip_frames(self) -> int:
        return int(self.settings.num_frames)

    def tokens_of(self, pixels: Tensor, times_s: NDArray[np.float64]) -> Tokens:
        tubelet = self.settings.tubelet_size[0]
        parts = []
        for rows in clips(len(times_s), self.clip_frames):
            clip = pixels[torch.from_numpy(rows).to(pixels.device)][None]
            tokens = self.vivit(clip).last_hidden_state[0, 1:]  # the first is the class token
            parts.append(tokens.unflatten(0, (self.clip_frames // tubelet, -1)).mean(dim=1))
        times = tubelet_times(times_s, tubelet)
        return torch.cat(parts)[: len(times)], times

    @classmethod
    def settings_of(cls, state: Mapping[str, Tensor]) -> dict[str, Any]:
        patch = state["vivit.embeddings.patch_embeddings.projection.weight"]
        found = {
            "hidden_size": patch.shape[0],
            "tubelet_size": list(patch.shape[2:]),
            "num_hidden_layers": depth_of(state, "vivit.encoder.layer."),
            "intermediate_size": state["vivit.encoder.layer.0.intermediate.dense.weight"].shape[0],
        }
        return {"vision": found}

    @classmethod
    def upstream_name(cls, ours: str) -> str:
        for here, there in _IN_LAYER.items():
            ours = ours.replace(f".{here}", f".{there}")
        return ours

    @classmethod
    def settings_beside(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"vision": {name: config[name] for name in SAID_BESIDE if name in config}}
