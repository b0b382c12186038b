"""Which recordings sound like what they are called, told by the others of their kind.

A label is what a recordist wrote; a door slam may be mostly the groan of its hinges. Each entry of
the bank, as the codec gives it back, is described by a few hundred numbers of its spectrogram, and
a ridge regression predicts from them where its label points in the space of words. It is predicted
by recordings of other series alone, so an entry whose label is found is like other things of that
name (out-of-sample label checks: Northcutt et al., 1911.00068, section 3). No tagger takes part:
what later measures the model has no say in what it is made of.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.fft import dct
from scipy.linalg import solve

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.draft import Bank
from vtacli.model.mini.series import series_of
from vtacli.model.mini.start import decoded

HEARD_NEPERS = 4.0
"""What is more than 35 dB under an entry's loudest frame does not describe it."""
QUIETEST = -9.0
FOLDS, RIDGE = 10, 1.0
SHAPES = 12
"""Cosine terms of a frame's spectrum whose correlations over time are looked at."""

Array = NDArray[np.float64]


@torch.no_grad()
def typicality(
    bank: Bank, label_vectors: NDArray[np.float32], codec: MelCodec
) -> NDArray[np.float32]:
    """(R,) cosine in [-1, 1] of where each entry's label points, (labels, D), and where its sound
    does by recordings of other series, both from the mean of all. The bank must name its files."""
    latents = (torch.from_numpy(bank.latents(i)) for i in range(len(bank)))
    described = np.array([describe(decoded(codec, entry)) for entry in latents])
    assert bank.file_of is not None
    series = np.array([series_of(bank.files[int(i)]) for i in bank.file_of])
    blows = np.bincount(bank.file_of)[bank.file_of]
    wanted = label_vectors[bank.label_of].astype(np.float64)
    return predicted_cosine(described, wanted, series, 1 / blows).astype(np.float32)


def describe(mel: NDArray[np.float32]) -> Array:
    """Natural-log mel (frames, bands) -> numbers that say how it sounds and not how loud it is:
    mean, spread and change of each band where it is heard, how its level moves, how the shapes of
    its spectrum go together, and how long it is."""
    mel = np.maximum(mel.astype(np.float64), QUIETEST)
    level = 0.5 * np.log(np.exp(2 * mel).sum(axis=1))
    heard = mel[level > level.max() - HEARD_NEPERS] - level.max()
    moves = np.abs(np.fft.rfft(level - level.mean(), 256))[1:128]
    octaves = np.log(np.add.reduceat(moves, [0, 1, 2, 4, 8, 16, 32, 64]) + 1e-2)
    change = np.abs(np.diff(heard, axis=0)).mean(axis=0) if len(heard) > 1 else 0 * heard[0]
    shapes = dct(heard, axis=1, norm="ortho")[:, :SHAPES]
    shapes = shapes - shapes.mean(axis=0)
    size = np.sqrt((shapes**2).sum(axis=0)) + 1e-6
    together = ((shapes.T @ shapes) / np.outer(size, size))[np.triu_indices(SHAPES, 1)]
    course = [np.log(len(mel)), len(heard) / len(mel), level.argmax() / len(mel)]
    return np.concatenate(
        [heard.mean(axis=0), heard.std(axis=0), change, octaves, together, course]
    )


def predicted_cosine(
    described: Array, wanted: Array, series: NDArray[np.str_], weight: Array
) -> Array:
    """(R,) for ``described`` (R, F) and ``wanted`` (R, D), each predicted by those of other
    ``series`` (R,) that count as ``weight`` (R,) says: ridge regression with a Gaussian kernel as
    wide as entries are apart (Rasmussen and Williams, 2006, section 2.2)."""
    normal = (described - described.mean(axis=0)) / (described.std(axis=0) + 1e-6)
    squares = (normal**2).sum(axis=1)
    apart = np.maximum(0, squares[:, None] + squares - 2 * normal @ normal.T)
    near = np.exp(-apart / (2 * normal.shape[1]))
    wanted = wanted - np.average(wanted, axis=0, weights=weight)
    names, place = np.unique(series, return_inverse=True)
    fold = (np.random.default_rng(0).permutation(len(names)) % FOLDS)[place]
    found = np.zeros_like(wanted)
    for k in range(FOLDS):
        own, others = fold == k, fold != k
        doubt = np.diag(RIDGE / weight[others])
        found[own] = near[np.ix_(own, others)] @ solve(
            near[np.ix_(others, others)] + doubt, wanted[others], assume_a="pos"
        )
    size = np.linalg.norm(found, axis=1) * np.linalg.norm(wanted, axis=1)
    return np.asarray((found * wanted).sum(axis=1) / np.maximum(size, 1e-9))
