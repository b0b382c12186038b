"""CLIP's picture tower over frames, as the published model uses it: each frame is one token.

Radford et al., 2103.00020. The pixels are in [0, 1] *without* CLIP's own normalisation; that is
part of what the published denoiser learned. Any number of frames, each by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from torch import Tensor
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

from vtacli.model import published
from vtacli.model.encoders.base import FrozenEncoder, Tokens

SETTINGS = frozenset(published.fact("clip-vit-large-patch14")["vision_config"])


class ClipFrames(FrozenEncoder):
    """``vision``: the tower's settings as transformers names them; None: those of the published
    ViT-L/14."""

    NAME = "clip4clip"
    UPSTREAM_IGNORED = (
        "text_model.",
        "text_projection.",
        "logit_scale",
        "vision_model.embeddings.position_ids",
    )

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, vision: Mapping[str, Any] | None = None):
        super().__init__()
        settings = vision or published.fact("clip-vit-large-patch14")["vision_config"]
        self.clip_vision = CLIPVisionModelWithProjection(CLIPVisionConfig(**settings))
        self.freeze()

    @property
    def frame_size_px(self) -> int:
        return int(self.clip_vision.config.image_size)

    @property
    def token_width(self) -> int:
        return int(self.clip_vision.config.projection_dim)

    def tokens_of(self, pixels: Tensor, times_s: NDArray[np.float64]) -> Tokens:
        return self.clip_vision(pixels).image_embeds, times_s

    @classmethod
    def upstream_name(cls, ours: str) -> str:
        return ours.removeprefix("clip_vision.")

    @classmethod
    def settings_beside(cls, config: Mapping[str, Any]) -> dict[str, Any]:
        return {"vision": {k: v for k, v in config["vision_config"].items() if k in SETTINGS}}
