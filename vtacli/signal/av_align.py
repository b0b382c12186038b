"""AV-Align: how many of the peaks of a sound and of its picture fall together.

Yariv et al., "Diverse and Aligned Audio-to-Video Generation via Text-to-Video Model Adaptation"
(AAAI 2024, arXiv 2309.16429) proposed it; three versions are in use under one name, and they
disagree. All count a pair of peaks as one where they are less than a window apart, one frame of
the picture.

``paper``
    The paper's formula, (sum over A of [a in V] + sum over V of [v in A]) / (2 |A or V|): every
    peak is asked whether the other side has one near it. The paper does not say how the union is
    counted when peaks are near and not equal; here a matched pair counts once, so that the score
    stays in [0, 1], is 1 for equal sets and does not depend on which side is called A.
``tempotokens-2023``
    The authors' first code (guyyariv/TempoTokens, 34d9502, and the copies that other projects
    carry, which put right a name it forgot to define): only sound peaks are asked, and several of
    them may claim one peak of the picture. The score can therefore pass 1.
``tempotokens-2025``
    The authors' code since issue 11 of that repository (bf0b1e3): a peak of the picture is
    claimed once, by the first sound peak that reaches it. Its picture peaks also have to move
    0.1 pixels: see :mod:`vtacli.signal.av_peaks`.

VTA-LDM's paper (arXiv 2407.07464) reports AV-Align, but its repository holds no code of it; when
it was written only the first of the authors' codes existed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PAPER, FIRST, REVISED = "paper", "tempotokens-2023", "tempotokens-2025"
VERSIONS = (PAPER, FIRST, REVISED)

Peaks = Sequence[float] | NDArray[np.float64]


def av_align(
    audio_peaks_s: Peaks, video_peaks_s: Peaks, window_s: float, version: str = PAPER
) -> float:
    """The score of two lists of peaks, in seconds, under one of :data:`VERSIONS`.

    ``window_s``: peaks less than this apart are one; 1 / frame rate in all three versions.
    0 where one side has no peak, NaN where neither has: nothing can be said of such a clip.
    Raises ValueError for another version, or a window that is not positive.
    """
    if version not in VERSIONS:
        raise ValueError(f"the versions are {', '.join(VERSIONS)}, not {version!r}")
    if not window_s > 0:
        raise ValueError(f"the window must be positive, got {window_s}")
    audio, video = (np.asarray(p, dtype=np.float64) for p in (audio_peaks_s, video_peaks_s))
    if not len(audio) and not len(video):
        return float("nan")
    # as the authors wrote it: where peaks are a window apart, rounding may decide by the side
    near = (video - window_s < audio[:, None]) & (audio[:, None] < video + window_s)
    if version == PAPER:
        near = np.abs(audio[:, None] - video) < window_s
        common = (near.any(axis=1).sum() + near.any(axis=0).sum()) / 2
    elif version == FIRST:
        common = near.any(axis=1).sum()
    else:
        common = _claimed_once(near)
    return float(common / (len(audio) + len(video) - common))


def _claimed_once(near: NDArray[np.bool_]) -> int:
    """Sound peaks in their order each claim the first free picture peak. (A, V) -> a count."""
    free = np.ones(near.shape[1], dtype=bool)
    for row in near:
        open_to = np.flatnonzero(row & free)
        if len(open_to):
            free[open_to[0]] = False
    return int((~free).sum())
