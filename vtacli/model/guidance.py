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
