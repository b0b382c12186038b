"""What is seen: EfficientNet-Lite0, an ImageNet classifier made for small machines.

Tan and Le, "EfficientNet" (2019), in the Lite edition of 2020: no squeeze-and-excitation, ReLU6
throughout, and the stem and head keep their size. Batch norm is folded into the convolutions when
the weights are made (:mod:`vtacli.training.parts`), so that every layer is weight and bias.
"""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn
from torch.nn import functional

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.rounded import opened

WEIGHTS = "efficientnet-lite0.safetensors"

SIZE_PX = 224
CLASSES = 1000

STEM_CHANNELS = 32
HEAD_CHANNELS = 1280

STAGES = (
    # blocks, kernel, first stride, expansion, channels out
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)

MEAN = 127 / 255
STD = 128 / 255
"""Of all three colours. The Lite models were trained so, and not with ImageNet's usual mean and
deviation: with these the network's inner statistics lie half as far from its batch norms'."""


AT_ONCE = 2
"""Pictures that a processor looks at together: more of them outgrow its caches, and eight take
twice as long as four times two."""


def relu6(fresh: torch.Tensor) -> torch.Tensor:
    """What a layer just made, clamped where it lies: these arrays are large, and copies slow."""
    return fresh.clamp_(0, 6)


class SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow's SAME: the output has ceil(input / stride) pixels, and
    where the padding is odd the extra pixel goes after."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        padding, leading = [], []
        for size in x.shape[-2:]:
            missing = max((-(-size // stride) - 1) * stride + kernel - size, 0)
            padding.append(missing - missing // 2)
            leading.append(missing % 2)
        weight = self.weight
        if any(leading):
            # One pixel more before than SAME has it, and a kernel whose first row does not look at
            # it: the same sums, and no padded copy of the picture.
            weight = functional.pad(weight, (leading[1], 0, leading[0], 0))
        return functional.conv2d(
            x, weight, self.bias, self.stride, padding, self.dilation, self.groups
        )


class InvertedBottleneck(nn.Module):
    """Expand, filter each channel, project; with a way around where shapes allow."""

    def __init__(self, channels: int, out: int, kernel: int, stride: int, expansion: int):
        super().__init__()
        wide = channels * expansion
        self.expand = SameConv(channels, wide, 1) if expansion != 1 else None
        self.depthwise = SameConv(wide, wide, kernel, stride, groups=wide)
        self.project = SameConv(wide, out, 1)
        self.residual = stride == 1 and channels == out

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        wide = x if self.expand is None else relu6(self.expand(x))
        out: torch.Tensor = self.project(relu6(self.depthwise(wide)))
        return x + out if self.residual else out


class PictureClassifier(nn.Module):
    """(B, 3, 224, 224) float RGB in 0..1 -> (B, 1000) logits over ImageNet's classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = SameConv(3, STEM_CHANNELS, 3, 2)
        channels = STEM_CHANNELS
        blocks: list[nn.Module] = []
        for count, kernel, stride, expansion, out in STAGES:
            for index in range(count):
                first = stride if index == 0 else 1
                blocks.append(InvertedBottleneck(channels, out, kernel, first, expansion))
                channels = out
        self.blocks = nn.Sequential(*blocks)
        self.head = SameConv(channels, HEAD_CHANNELS, 1)
        self.classifier = nn.Linear(HEAD_CHANNELS, CLASSES)

    @classmethod
    def from_folder(cls, folder: Path) -> PictureClassifier:
        """Load the shipped weights, of any float width or rounded, as float32, in evaluation mode.

        Raises WeightsMissing if they are absent, WeightsRefused if keys or shapes differ.
        """
        path = folder / WEIGHTS
        if not path.is_file():
            raise WeightsMissing("the picture classifier is absent.", path=path)
        model = cls()
        try:
            model.load_state_dict(opened(load_file(path)))
        except (RuntimeError, ValueError, SafetensorError) as error:
            raise WeightsRefused(f"not this classifier's weights: {error}.", path=path) from error
        # Channels last is the faster layout for 1×1 and depthwise kernels.
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        return model.eval().requires_grad_(False)

    def features(self, pictures: torch.Tensor) -> torch.Tensor:
        """(B, 3, 224, 224) float RGB in 0..1 -> (B, 1280), averaged over the picture."""
        if pictures.shape[1:] != (3, SIZE_PX, SIZE_PX):
            raise ValueError(f"pictures are (B, 3, 224, 224), got {tuple(pictures.shape)}")
        if pictures.device.type == "cpu" and len(pictures) > AT_ONCE:
            return torch.cat([self.features(few) for few in torch.split(pictures, AT_ONCE)])
        x = ((pictures - MEAN) / STD).contiguous(memory_format=torch.channels_last)
        x = relu6(self.stem(x))
        x = relu6(self.head(self.blocks(x)))
        return x.mean(dim=(2, 3))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.classifier(self.features(pictures))
        return logits
