"""The Fréchet distance of two sets of embeddings, taken as Gaussians: FAD where they hear.

Kilgour et al., "Fréchet Audio Distance" (Interspeech 2019), after Dowson and Landau, "The Fréchet
distance between multivariate normal distributions" (1982):
|m1 - m2|^2 + tr(C1 + C2 - 2 (C1 C2)^(1/2)), covariances with N - 1.

It rises as sets shrink (Chong and Forsyth, CVPR 2020), so figures of sets of different sizes are
not to be compared, and under some hundreds of clips it says little.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

Set = NDArray[np.float64]
"""(N, D): a row an embedding."""


def frechet_of_gaussians(mean1: Set, covariance1: Set, mean2: Set, covariance2: Set) -> float:
    """The distance of two known Gaussians: means (D,), covariances (D, D)."""
    eigenvalues = linalg.eigvals(covariance1 @ covariance2)
    # the product of two covariances has real eigenvalues of at least 0, but for rounding
    root = float(np.sqrt(np.maximum(eigenvalues.real, 0.0)).sum())
    apart = mean1 - mean2
    trace = float(np.trace(covariance1) + np.trace(covariance2))
    return float(apart @ apart) + trace - 2 * root


def frechet_distance(one: Set, other: Set) -> float:
    """The distance of two sets, (N, D) and (M, D), each of two rows or more.

    Exact without a matrix root: with centred rows A and B, C1 = A'A and C2 = B'B, the eigenvalues
    of C1 C2 are the squared singular values of AB', so the root's trace is their sum. Sets with
    fewer rows than dimensions, whose covariance is singular, need no care. Raises ValueError for
    sets that have no covariance, or are not of one space.
    """
    mean1, rows1 = _centred(one)
    mean2, rows2 = _centred(other)
    if rows1.shape[1] != rows2.shape[1]:
        raise ValueError(f"embeddings of {rows1.shape[1]} and {rows2.shape[1]} numbers")
    root = float(linalg.svdvals(_short(rows1) @ _short(rows2).T).sum())
    apart = mean1 - mean2
    trace = float(np.square(rows1).sum() + np.square(rows2).sum())
    return max(0.0, float(apart @ apart) + trace - 2 * root)


def _centred(rows: Set) -> tuple[Set, Set]:
    """The mean, and rows A with A'A the covariance."""
    values = np.asarray(rows, np.float64)
    if values.ndim != 2 or len(values) < 2:
        raise ValueError(f"a set is (N, D) with N of 2 or more, got {values.shape}")
    mean = values.mean(axis=0)
    return mean, (values - mean) / np.sqrt(len(values) - 1)


def _short(rows: Set) -> Set:
    """At most D rows with the same A'A."""
    if len(rows) <= rows.shape[1]:
        return rows
    return np.asarray(linalg.qr(rows, mode="r", check_finite=False)[0][: rows.shape[1]])
