"""Classifier-free guidance with one scale for what is asked and one for when it sounds.

v = v_none + g_w (v_words - v_none) + g_c (v_both - v_words), as in InstructPix2Pix (Brooks et
al., 2211.09800, equation 3), where *words* is everything said by tokens (words or pictures) with
an empty control curve, and *both* adds the curve. Written as one weight for each branch, so that
a branch whose weight is zero need not run at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from torch import Tensor

Branch = Literal["none", "words", "both"]


def branch_weights(
    guidance: float, control: float | None = None, *, controlled: bool = False
) -> dict[Branch, float]:
    """The branches to run and how much of each goes into the result. The weights sum to 1.

    ``control`` of None is the same as ``guidance``; without a curve (``controlled`` False) it
    counts for nothing. Where no scale is above 1 guidance is off: the conditional branch alone.
    """
    if not controlled or control is None:
        control = guidance
    if max(guidance, control) <= 1:
        return {"both": 1.0}
    weights: dict[Branch, float] = {
        "none": 1 - guidance,
        "words": guidance - control,
        "both": control,
    }
    return {branch: weight for branch, weight in weights.items() if weight != 0}


def combine(predictions: Sequence[Tensor], weights: Mapping[Branch, float]) -> Tensor:
    """The weighted sum of the branches' predictions, each of the same shape, in the order of
    ``weights``."""
    if len(predictions) != len(weights):
        raise ValueError(f"{len(predictions)} predictions for {len(weights)} branches")
    terms = [p if w == 1 else p * w for p, w in zip(predictions, weights.values(), strict=True)]
    total = terms[0]
    for term in terms[1:]:
        total = total + term
    return total


def rescaled(guided: Tensor, conditional: Tensor, share: float) -> Tensor:
    """``guided`` with its spread taken back towards that of ``conditional``, row by row.

    Guidance makes predictions larger, and sound louder, than anything that was trained on; this
    keeps the direction and, by ``share`` in [0, 1], gives back the size (Lin et al., "Common
    Diffusion Noise Schedules and Sample Steps are Flawed", 2305.08891, equations 15 and 16).
    """
    if share == 0:
        return guided
    axes = tuple(range(1, guided.ndim))
    ratio = conditional.std(dim=axes, keepdim=True) / guided.std(dim=axes, keepdim=True)
    return guided * (share * ratio + (1 - share))
