"""The picture features of vta-mini: EfficientNet-Lite0 before its classes, each frame one token.

See :mod:`vtacli.model.mini.picture`. Any number of frames, each by itself. The one encoder whose
weights come with this program.
"""

from __future__ import annotations

import numpy as np
import torch
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from torch import Tensor

from vtacli.model.encoders.base import FrozenEncoder, Tokens
from vtacli.model.mini.picture import HEAD_CHANNELS, SIZE_PX, PictureClassifier


class MiniPicture(FrozenEncoder):
    """Of one size only."""

    NAME = "mini"

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self) -> None:
        super().__init__()
        self.picture = PictureClassifier()
        self.freeze()

    @property
    def frame_size_px(self) -> int:
        return SIZE_PX

    @property
    def token_width(self) -> int:
        return HEAD_CHANNELS

    def pixels(self, data: NDArray[np.uint8]) -> Tensor:
        """In [0, 1]: the classifier normalises by itself."""
        raw = torch.from_numpy(np.ascontiguousarray(data)).to(self.device).float() / 255
        return raw.to(self.dtype)

    def tokens_of(self, pixels: Tensor, times_s: NDArray[np.float64]) -> Tokens:
        return self.picture.features(pixels), times_s

    @classmethod
    def upstream_name(cls, ours: str) -> str:
        return ours.removeprefix("picture.")
