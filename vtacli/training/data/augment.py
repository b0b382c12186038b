"""Two examples cut together at one instant, on both sides: what is seen and what is heard.

A function of its arguments; what is drawn, and when, is the trainer's affair
(:mod:`vtacli.training.ldm.order`), as is which conditions are left out.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

import torch
from torch import Tensor

from vtacli.model.encoders.features import Features, WindowFeatures
from vtacli.signal.mel import HOP, RATE_HZ
from vtacli.training.data.prepared import Example

MEL_HZ = RATE_HZ / HOP
BETWEEN = ", then "
"""Said between the captions of two examples that were cut together."""

ReadWords = Callable[[str], Tensor]
"""A caption to its vector (1, W)."""


def cut_frame(cut_s: float, frames: int) -> int:
    """The first mel frame that lies at or after ``cut_s``, in [0, frames]. A frame's time is its
    centre, number / 100 s; a cut within 1e-9 s of one is on it."""
    return min(max(ceil(cut_s * MEL_HZ - 1e-7), 0), frames)


def concatenate(
    a: Example, b: Example, cut_s: float, read_words: ReadWords | None = None
) -> Example:
    """``a`` until ``cut_s`` and ``b`` from there on, each in its own time: what was at t stays.

    Mel frames and tokens before the cut are a's, those at it or after it b's, so that a sound and
    what is seen at the same moment stay together. The cut is rounded up to a mel frame first, for
    both sides. A cut at 0 is ``b``, one at the end of the window ``a``, all of them unchanged.

    The published trainer cuts frames before they are encoded. Where an encoder looks at each frame
    alone (CLIP4Clip, as published) cutting its tokens is the same; where it looks at several, the
    tokens next to the cut have seen a little of what lies behind it.

    Captions are joined with ", then "; the same caption is said once. ``read_words`` gives the
    joined caption's vector; without it the vectors are mixed by their shares of the window.
    Raises ValueError for mels of different shapes.
    """
    if a.mel.shape != b.mel.shape:
        raise ValueError(f"mels are {tuple(a.mel.shape)} and {tuple(b.mel.shape)}")
    frames = a.mel.shape[1]
    at = cut_frame(cut_s, frames)
    if at == 0 or at == frames:
        return b if at == 0 else a
    cut_s = at / MEL_HZ
    caption = _joined(a.caption, b.caption)
    share = at / frames
    features = WindowFeatures(
        picture=_cut(a.features.picture, b.features.picture, cut_s),
        words=_words(a, b, share, caption, read_words),
        flow=_cut(a.features.flow, b.features.flow, cut_s),
    )
    return Example(
        id=f"{a.id}+{b.id}@{at}",
        mel=torch.cat([a.mel[:, :at], b.mel[:, at:]], dim=1),
        features=features,
        caption=caption,
        seconds=b.seconds if b.seconds > cut_s else min(a.seconds, cut_s),
        source=a.source if a.source == b.source else f"{a.source}+{b.source}",
    )


def cut_together(
    a: Example, b: Example, share: float, read_words: ReadWords | None = None
) -> Example:
    """As :func:`concatenate`, cut at ``share`` of what both have: of the window, or of the shorter
    one's sound where it is shorter, so that neither is cut in its padding."""
    return concatenate(a, b, share * min(a.seconds, b.seconds), read_words)


def _cut(a: Features | None, b: Features | None, cut_s: float) -> Features | None:
    """Tokens by their times; None where neither side has any."""
    if a is None and b is None:
        return None
    parts = []
    if a is not None:
        parts.append(_those(a, a.times_s < cut_s - 1e-9))
    if b is not None:
        parts.append(_those(b, b.times_s >= cut_s - 1e-9))
    return Features(torch.cat([p.tokens for p in parts]), torch.cat([p.times_s for p in parts]))


def _those(features: Features, chosen: Tensor) -> Features:
    return Features(features.tokens[chosen], features.times_s[chosen])


def _joined(a: str | None, b: str | None) -> str | None:
    if a is None or b is None or a == b:
        return a if b is None else b
    return f"{a}{BETWEEN}{b}"


def _words(
    a: Example, b: Example, share: float, caption: str | None, read: ReadWords | None
) -> Tensor | None:
    """The vector of what is said of both. A mean of two vectors is shorter than either; it is
    brought back to the length between theirs."""
    one, other = a.features.words, b.features.words
    if one is None or other is None:
        return other if one is None else one
    if a.caption == b.caption:
        return one
    if read is not None and caption is not None:
        return read(caption).to(one)
    mixed = share * one + (1 - share) * other
    length = share * one.norm() + (1 - share) * other.norm()
    scaled: Tensor = mixed * (length / mixed.norm().clamp(min=1e-12))
    return scaled
