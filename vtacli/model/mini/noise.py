"""The one noise of vta-mini's sound: the vocoder shapes it, and the codec's grain is its grain."""

from __future__ import annotations

import torch

NOISE_SEED = 0


def fixed_noise(samples: int) -> torch.Tensor:
    """White noise of unit variance, (1, samples), always the same: a mel gives one sound. It is
    drawn on the CPU and is one for every row, so that any device and a batch of any size have it.
    """
    source = torch.Generator().manual_seed(NOISE_SEED)
    return torch.randn(1, samples, generator=source)
