"""What joins the picture's features before the projection: their order in time, and words.

Features are (S, D): one row a frame. Each function says how it joins: positions are *added*,
words are *concatenated* in time.
"""

from __future__ import annotations

import torch
from torch import Tensor

WORDS_ALONE = 20
"""Tokens that the published code makes of words when there is no picture: 10 s at 2 a second."""


def sinusoidal_positions(length: int, width: int, base: float = 10_000.0) -> Tensor:
    """(length, width): sine in the even columns, cosine in the odd ones (Vaswani et al.,
    1706.03762, section 3.5). ``width`` is even."""
    if width % 2:
        raise ValueError(f"sinusoidal positions need an even width, got {width}")
    denominators = torch.pow(base, 2 * torch.arange(width // 2) / width)
    angles = torch.arange(length)[:, None] / denominators
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def add_positions(features: Tensor) -> Tensor:
    """(S, D) -> (S, D)."""
    return features + sinusoidal_positions(*features.shape).to(features)


def prepend_words(words: Tensor, features: Tensor) -> Tensor:
    """One sentence (1, D) before each of the frames (S, D) -> (2 S, D): the sentence S times over,
    then the frames, so that words and picture weigh the same in attention."""
    return torch.cat([words.expand(len(features), -1), features])


def words_alone(words: Tensor) -> Tensor:
    """One sentence (1, D) where there is no picture -> (20, D)."""
    return words.expand(WORDS_ALONE, -1)
