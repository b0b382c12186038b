"""Is it what was said? The words of a caption against the tags of a sound.

This is no CLAP score: the tags are YAMNet's, and they meet the caption in the text space of the
shipped model, which was fitted to the names of recordings. It is named ``tags-to-words``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

TAGS = 10
"""The likeliest tags that count."""

Values = NDArray[np.float64]


def tag_similarity(scores: Values, class_points: Values, caption: Values) -> float:
    """Cosine of a caption and the mean of a sound's likeliest tags, weighted by their scores.

    ``scores``: (C,); ``class_points``: (C, D) and ``caption``: (D,), points of length 1 or 0. In
    [-1, 1]; NaN for a caption without a known word, or tags without one.
    """
    likeliest = np.argsort(-scores, kind="stable")[:TAGS]
    point = scores[likeliest] @ class_points[likeliest]
    length = float(np.linalg.norm(point) * np.linalg.norm(caption))
    return float(point @ caption) / length if length > 0 else float("nan")
