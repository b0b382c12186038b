"""CAVP's video encoder, of Diff-Foley: SlowOnly ResNet-50 and one projection, a token a frame.

Luo et al., 2306.17203: learned by contrast with the film's own sound, at 4 frames a second. The
network is SlowOnly (Feichtenhofer et al., 1812.03982): time is never strided, and filtered in the
last two stages alone. A token has length 1, as upstream's generator is given it. Pixels are in
[0, 1] without further normalisation. Any number of frames: upstream calls it with 40, here a
window is one call.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from diffusers.configuration_utils import register_to_config
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from vtacli.model.encoders.base import FrozenEncoder, Tokens

DEPTHS = (3, 4, 6, 3)
EXPANSION = 4
TEMPORAL_STAGES = (False, False, True, True)


class ConvNorm(nn.Module):
    """A convolution over (time, height, width), "same" padded, and its batch norm."""

    def __init__(self, channels: int, out: int, kernel: tuple[int, int, int], stride: int = 1):
        super().__init__()
        pads = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
        self.conv = nn.Conv3d(channels, out, kernel, (1, stride, stride), pads, bias=False)
        self.bn = nn.BatchNorm3d(out)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.bn(self.conv(x))
        return out


class Bottleneck(nn.Module):
    """Narrow, filter, widen, with a way around; the stride is the filter's."""

    def __init__(self, channels: int, inner: int, stride: int, temporal: bool):
        super().__init__()
        wide = inner * EXPANSION
        self.conv1 = ConvNorm(channels, inner, (3, 1, 1) if temporal else (1, 1, 1))
        self.conv2 = ConvNorm(inner, inner, (1, 3, 3), stride)
        self.conv3 = ConvNorm(inner, wide, (1, 1, 1))
        same = stride == 1 and channels == wide
        self.downsample = None if same else ConvNorm(channels, wide, (1, 1, 1), stride)

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.conv1(x))
        y = F.relu(self.conv2(y))
        y = self.conv3(y)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class SlowOnly(nn.Module):
    """(B, 3, T, H, W) -> (B, 32 * base, T), averaged over the picture."""

    def __init__(self, base: int):
        super().__init__()
        self.conv1 = ConvNorm(3, base, (1, 7, 7), 2)
        channels = base
        for i, (depth, temporal) in enumerate(zip(DEPTHS, TEMPORAL_STAGES, strict=True)):
            blocks = []
            for k in range(depth):
                stride = 2 if i > 0 and k == 0 else 1
                blocks.append(Bottleneck(channels, base << i, stride, temporal))
                channels = (base << i) * EXPANSION
            setattr(self, f"layer{i + 1}", nn.Sequential(*blocks))

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool3d(F.relu(self.conv1(x)), (1, 3, 3), (1, 2, 2), (0, 1, 1))
        for i in range(len(DEPTHS)):
            x = getattr(self, f"layer{i + 1}")(x)
        return x.mean(dim=(3, 4))


class Cavp(FrozenEncoder):
    """``base``: channels of the first convolution. ``size_px``: the network takes any; the
    published one was trained at 224."""

    NAME = "cavp"
    UPSTREAM_IGNORED = ("spec_encoder.", "spec_project_head.", "logit_scale")

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(self, size_px: int = 224, base: int = 64, width: int = 512):
        super().__init__()
        self.video_encoder = SlowOnly(base)
        self.video_project_head = nn.Linear(8 * EXPANSION * base, width)
        self.freeze()

    @property
    def frame_size_px(self) -> int:
        return int(self.config.size_px)

    @property
    def token_width(self) -> int:
        return int(self.config.width)

    def tokens_of(self, pixels: Tensor, times_s: NDArray[np.float64]) -> Tokens:
        seen = self.video_encoder(pixels.transpose(0, 1)[None])[0].T
        return F.normalize(self.video_project_head(seen), dim=-1), times_s

    @classmethod
    def upstream_state(cls, whole: Mapping[str, Any], path: Path) -> dict[str, Tensor]:
        inner = whole.get("state_dict", whole)
        state = {str(name).removeprefix("module."): value for name, value in inner.items()}
        return super().upstream_state(state, path)

    @classmethod
    def settings_of(cls, state: Mapping[str, Tensor]) -> dict[str, Any]:
        return {
            "base": state["video_encoder.conv1.conv.weight"].shape[0],
            "width": state["video_project_head.weight"].shape[0],
        }
