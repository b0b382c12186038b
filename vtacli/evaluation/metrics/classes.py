"""What a classifier says of sounds: the inception score, and the divergence from true sound.

Both take a distribution over classes a clip. A tagger whose classes do not exclude each other has
none; the softmax of its logits stands for one, as is usual where sounds are compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST = 1e-12
"""Probabilities are at least this, so that no logarithm is of nothing."""

Values = NDArray[np.float64]


def softmax(logits: Values) -> Values:
    """Over the last axis."""
    shifted = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=-1, keepdims=True))


def divergence(true: Values, made: Values) -> float:
    """Kullback and Leibler's divergence of what was made from the truth, in nats: (C,), (C,).

    sum of true * log(true / made), the direction of Iashin and Rahtu, "Taming Visually Guided
    Sound Generation" (BMVC 2021), and of those who compare with it. 0 where both are equal.
    Raises ValueError where the two have not the same classes.
    """
    if true.shape != made.shape:
        raise ValueError(f"distributions over {true.shape} and {made.shape} classes")
    p, q = (np.maximum(np.asarray(v, np.float64), LEAST) for v in (true, made))
    return float(np.sum(p * (np.log(p) - np.log(q))))


def inception_score(distributions: Values) -> float:
    """exp of the mean divergence of each clip's classes from all clips' mean. (N, C) -> 1 to C.

    Salimans et al., "Improved Techniques for Training GANs" (NeurIPS 2016), over all clips at
    once. 1: every clip says the same, or nothing. It is at most N, too: a few clips cannot reach
    the scores of thousands. Raises ValueError where there is no clip.
    """
    p = np.maximum(np.asarray(distributions, np.float64), LEAST)
    if p.ndim != 2 or not len(p):
        raise ValueError(f"distributions are (N, C) with N of 1 or more, got {p.shape}")
    spread = np.sum(p * (np.log(p) - np.log(p.mean(axis=0))), axis=1)
    return float(np.exp(spread.mean()))
