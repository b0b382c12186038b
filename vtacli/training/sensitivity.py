"""What an error in a codec's latents is worth: how far it moves the mel.

Latents of unit deviation are not alike. Some directions are large and hardly heard, in others a
little decides how loud a frame is. A flow that is trained on plain squares treats all alike;
weighed by the decoder's own metric, the mean of J'J with J the derivative of the mel by the
latents of a step, it is trained on what its errors do to the mel.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from vtacli.model.mini.codec import MelCodec
from vtacli.training.codec import audible

APART = 16
"""Steps between those that are moved at once: further than the decoder sees."""
MOVED_BY = 0.02
LISTENED_TO = 12
"""Windows of which the metric is taken: of 8 and of 16 it differs by 2.5 %."""


@torch.no_grad()
def sensitivity(codec: MelCodec, latents: NDArray[np.float16], device: str) -> torch.Tensor:
    """The decoder's metric (C, C) over latents (N, C, T), its trace C. Audible parts count most,
    as in the codec's own loss."""
    channels = latents.shape[1]
    metric = torch.zeros(channels, channels, dtype=torch.float64)
    for window in latents:
        z = torch.from_numpy(window.astype(np.float32))[None, :, :, None].to(device)
        mel = codec.reconstruct(codec.raw(z))
        weight = audible(mel).sqrt()
        moved = []
        for channel in range(channels):
            nudged = z.clone()
            nudged[:, channel, ::APART] += MOVED_BY
            change = (codec.reconstruct(codec.raw(nudged)) - mel) * weight
            moved.append(change.flatten().cpu())
        change = torch.stack(moved).double() / MOVED_BY
        metric += change @ change.T
    scaled: torch.Tensor = metric * (channels / metric.trace())
    return scaled.float()


def error_weights(metric: torch.Tensor, share: float) -> torch.Tensor:
    """(C, C) L with L'L = (1 - share) I + share * metric: the squares of L e are the loss of an
    error e (C,)."""
    mixed = (1 - share) * torch.eye(len(metric)) + share * metric
    values, vectors = torch.linalg.eigh(mixed.double())
    root: torch.Tensor = (vectors * values.clamp(min=0).sqrt()) @ vectors.T
    return root.float()
