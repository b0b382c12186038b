"""When something strikes, told from what every region of the picture does.

A small network in two parts. The first looks at each region by itself, eleven steps at a time: two
convolutions over time, one weight for all regions. The sum of the regions' odds is what they say
by themselves. The second looks at the strongest of what any region shows, over 25 steps: what goes
before a blow and after it, and what goes on all the time, corrects the odds. Its weights
(``strikes.npz``) were learned on renders whose contacts are known, by
:mod:`vtacli.evaluation.learn_strikes`, so that what counts is not movement but how it ends: a
stop, a reversal, a jolt.
"""

from __future__ import annotations

from array import array
from functools import lru_cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from vtacli.signal.regions import FEATURES

CHUNK = 32
"""Steps that are worked on together, which is quicker."""
DOUBT = 0.12
"""A likelihood up to this is none: quiet is exactly 0."""
REGION_LAYERS = {"a": 1, "b": 1}
"""Convolutions over time of each region by itself, and the steps from one tap to the next."""
PICTURE_LAYERS = {"c": 1, "d": 2}
"""The same of the whole picture."""

Array = NDArray[np.float32]


class StrikeMeter:
    """Takes the descriptions of steps, (regions, FEATURES) each, in order; keeps a few of them."""

    def __init__(self) -> None:
        weights = _weights()
        self._region_layers = [_Convolution(weights, *layer) for layer in REGION_LAYERS.items()]
        self._picture_layers = [_Convolution(weights, *layer) for layer in PICTURE_LAYERS.items()]
        self._odds, self._shown, self._context = (_Linear(weights, name) for name in "ope")
        self._waiting: list[Array] = []
        self._alone: Array = np.empty(0, np.float32)
        self._found = array("f")

    def push(self, step: Array) -> None:
        """Add a step."""
        self._waiting.append(step)
        if len(self._waiting) == CHUNK:
            self._work(last=False)

    def likelihoods(self) -> Array:
        """(steps,) in [0, 1): how likely something struck at the later picture of each step.

        Nothing can be pushed afterwards.
        """
        self._work(last=True)
        odds = np.exp(np.minimum(np.array(self._found, np.float32), 20))
        sure = np.maximum(0, odds / (1 + odds) - DOUBT) / (1 - DOUBT)
        return np.asarray(sure, np.float32)

    def _work(self, last: bool) -> None:
        regions = np.array(self._waiting, np.float32) if self._waiting else None
        self._waiting = []
        for layer in self._region_layers:
            regions = layer.push(regions, last)
        picture = None
        if regions is not None:
            odds = np.exp(np.minimum(self._odds(regions), 20)).sum(axis=(1, 2))
            self._alone = np.concatenate([self._alone, np.log(odds)])
            # As one region, that which shows the most: a convolution asks for regions.
            picture = self._shown(regions).max(axis=1, keepdims=True)
        for layer in self._picture_layers:
            picture = layer.push(picture, last)
        if picture is not None:
            ready = len(picture)
            found = self._alone[:ready] + self._context(picture)[:, 0, 0]
            self._alone = self._alone[ready:]
            self._found.extend(found.tolist())


class _Linear:
    """(..., inputs) -> (..., outputs)."""

    def __init__(self, weights: dict[str, Array], name: str) -> None:
        self._matrix, self._bias = weights[f"{name}.weight"].T, weights[f"{name}.bias"]

    def __call__(self, steps: Array) -> Array:
        return np.asarray(steps @ self._matrix + self._bias, np.float32)


class _Convolution:
    """A convolution over time with ReLU, zeros before the first step and after the last."""

    def __init__(self, weights: dict[str, Array], name: str, dilation: int) -> None:
        weight = weights[f"{name}.weight"]
        self._taps = range(0, weight.shape[2] * dilation, dilation)
        # (width * inputs, outputs), in the order in which the past is laid out.
        self._matrix = weight.transpose(2, 1, 0).reshape(-1, weight.shape[0])
        self._bias = weights[f"{name}.bias"]
        self._past: Array | None = None

    def push(self, steps: Array | None, last: bool) -> Array | None:
        """(n, regions, inputs) or nothing -> (m, regions, outputs) or nothing."""
        parts = [part for part in (self._past, steps) if part is not None]
        if not parts:
            return None
        reach = self._taps[-1]
        edge = np.zeros((reach // 2, *parts[0].shape[1:]), np.float32)
        if self._past is None:
            parts.insert(0, edge)
        if last:
            parts.append(edge)
        known = np.concatenate(parts)
        self._past = known[max(0, len(known) - reach) :]
        ready = len(known) - reach
        if ready <= 0:
            return None
        shifted = [known[i : i + ready] for i in self._taps]
        out = np.concatenate(shifted, axis=2) @ self._matrix + self._bias
        return np.asarray(np.maximum(out, 0), np.float32)


@lru_cache(maxsize=1)
def _weights() -> dict[str, Array]:
    with files(__package__).joinpath("strikes.npz").open("rb") as stored, np.load(stored) as arrays:
        weights = {name: np.asarray(arrays[name], np.float32) for name in arrays.files}
    assert weights["a.weight"].shape[1] == FEATURES
    return weights
