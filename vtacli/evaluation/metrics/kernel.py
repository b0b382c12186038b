"""The kernel distance of two sets of embeddings: KID, where images are seen; KAD, where sounds are.

Bińkowski et al., "Demystifying MMD GANs" (ICLR 2018): the squared maximum mean discrepancy under
the kernel (x'y / D + 1)^3, by the unbiased estimator of Gretton et al., "A Kernel Two-Sample Test"
(JMLR 2012, Lemma 6). Unlike a Fréchet distance it does not rise as sets shrink: two samples of one
distribution give 0 on average, and therefore also less than 0.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

DEGREE = 3

Set = NDArray[np.float64]


def kernel_distance(one: Set, other: Set) -> float:
    """The estimate for two sets, (N, D) and (M, D), each of two rows or more.

    Raises ValueError for smaller sets, or sets that are not of one space.
    """
    x, y = np.asarray(one, np.float64), np.asarray(other, np.float64)
    if min(len(x), len(y)) < 2:
        raise ValueError(f"two rows at least are needed on each side, got {len(x)} and {len(y)}")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"embeddings of {x.shape[1]} and {y.shape[1]} numbers")
    within = _without_self(_kernel(x, x)) + _without_self(_kernel(y, y))
    return float(within - 2 * _kernel(x, y).mean())


def _kernel(x: Set, y: Set) -> Set:
    return np.asarray((x @ y.T / x.shape[1] + 1) ** DEGREE)


def _without_self(kernel: Set) -> float:
    count = len(kernel)
    return float((kernel.sum() - np.trace(kernel)) / (count * (count - 1)))
