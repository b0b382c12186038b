"""Classifier-free guidance with a scale of its own for each thing that is asked.

Inputs join one after the other: nothing, then words, then motion, then hits.

v = v_none + g_words (v_words - v_none) + g_motion (v_motion - v_words) + g_hits (v_hits - v_motion)

as InstructPix2Pix does for two inputs (Brooks et al., 2211.09800, equation 3), where each v is
predicted with its input and all before it; *words* is everything said by tokens, be it words or
the picture. It is written as one weight for each branch: a branch whose weight is zero, because
the scales on both sides of it are equal, need not run at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Branch = Literal["none", "words", "motion", "hits"]
"""What a prediction is made with: its own input, and all before it that are there."""


@dataclass(frozen=True)
class Scales:
    """How strictly each input is followed. 1 is no guidance, 0 leaves the input out."""

    words: float
    motion: float
    hits: float

    @staticmethod
    def of(
        guidance: float | None, motion: float | None, hits: float | None, default: float
    ) -> Scales:
        """Scales as a person gives them: ``guidance`` None is the model's ``default``; the others
        are the same as ``guidance``, unless that is 0: to ignore the words is not to ignore the
        picture's motion."""
        words = default if guidance is None else guidance
        rest = words if words > 0 else default
        return Scales(words, rest if motion is None else motion, rest if hits is None else hits)


def branch_weights(chain: Sequence[tuple[Branch, float]]) -> dict[Branch, float]:
    """The branches to run and how much of each goes into the result. The weights sum to 1.

    ``chain``: the inputs that are there, in order, each with its scale. The last is the one with
    everything. Where no scale is above 1 guidance is off: that last branch alone.
    """
    last, _ = chain[-1]
    if max(scale for _, scale in chain) <= 1:
        return {last: 1.0}
    weights: dict[Branch, float] = {"none": 1 - chain[0][1]}
    for (branch, scale), (_, following) in zip(chain, [*chain[1:], (last, 0.0)], strict=True):
        weights[branch] = scale - following
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
