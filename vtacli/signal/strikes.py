"""When something strikes, told from what every region of the picture does.

A small network looks at each region by itself, eleven steps at a time: two convolutions over time,
one weight for all regions. The picture's likelihood of a strike is the sum of the regions' odds.
Its 2,225 weights (``strikes.npz``) were learned on renders whose contacts are known, by
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
DOUBT = 0.08
"""A likelihood up to this is none: quiet is exactly 0."""

Array = NDArray[np.float32]


class StrikeMeter:
    """Takes the descriptions of steps, (regions, FEATURES) each, in order; keeps a few of them."""

    def __init__(self) -> None:
        weights = _weights()
        self._layers = [_Convolution(weights[f"{n}.weight"], weights[f"{n}.bias"]) for n in "ab"]
        self._out, self._bias = weights["o.weight"][0, :, 0], float(weights["o.bias"][0])
        self._waiting: list[Array] = []
        self._odds = array("f")

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
        odds = np.array(self._odds, np.float32)
        sure = np.maximum(0, odds / (1 + odds) - DOUBT) / (1 - DOUBT)
        return np.asarray(sure, np.float32)

    def _work(self, last: bool) -> None:
        steps = np.array(self._waiting, np.float32) if self._waiting else None
        self._waiting = []
        for layer in self._layers:
            steps = layer.push(steps, last)
        if steps is not None:
            odds = np.exp(np.minimum(steps @ self._out + self._bias, 20)).sum(axis=1)
            self._odds.extend(odds.astype(np.float32).tolist())


class _Convolution:
    """A convolution over time with ReLU, zeros before the first step and after the last."""

    def __init__(self, weight: Array, bias: Array) -> None:
        self._width = weight.shape[2]
        # (width * inputs, outputs), in the order in which the past is laid out.
        self._matrix = weight.transpose(2, 1, 0).reshape(-1, weight.shape[0])
        self._bias = bias
        self._past: Array | None = None

    def push(self, steps: Array | None, last: bool) -> Array | None:
        """(n, regions, inputs) or nothing -> (m, regions, outputs) or nothing."""
        parts = [part for part in (self._past, steps) if part is not None]
        if not parts:
            return None
        edge = np.zeros((self._width // 2, *parts[0].shape[1:]), np.float32)
        if self._past is None:
            parts.insert(0, edge)
        if last:
            parts.append(edge)
        known = np.concatenate(parts)
        self._past = known[max(0, len(known) - self._width + 1) :]
        ready = len(known) - self._width + 1
        if ready <= 0:
            return None
        shifted = [known[i : i + ready] for i in range(self._width)]
        out = np.concatenate(shifted, axis=2) @ self._matrix + self._bias
        return np.asarray(np.maximum(out, 0), np.float32)


@lru_cache(maxsize=1)
def _weights() -> dict[str, Array]:
    with files(__package__).joinpath("strikes.npz").open("rb") as stored, np.load(stored) as arrays:
        weights = {name: np.asarray(arrays[name], np.float32) for name in arrays.files}
    assert weights["a.weight"].shape[1] == FEATURES
    return weights
