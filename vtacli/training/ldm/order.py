"""What every sample of a run is, as a function of (seed, its number) alone.

Step s of a run of B samples a step takes the numbers [s B, (s + 1) B). How they are shared out
among processes and accumulated pieces has no part in it, so the same samples come with one process
or with eight, after a pause or without.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vtacli.training.ldm.recipe import LdmRecipe


def rng_of(seed: int, number: int, purpose: str) -> np.random.Generator:
    """The randomness of one sample for one purpose."""
    return np.random.default_rng([seed, number, *purpose.encode()])


class Order:
    """Every example once an epoch, each epoch in an order of its own."""

    def __init__(self, seed: int, examples: int):
        self.seed, self.examples = seed, examples
        self._epoch = -1
        self._shuffled: NDArray[np.int64] = np.zeros(0, np.int64)

    def __call__(self, number: int) -> int:
        """Which example sample ``number`` is of."""
        epoch, place = divmod(number, self.examples)
        if epoch != self._epoch:
            self._shuffled = rng_of(self.seed, epoch, "order").permutation(self.examples)
            self._epoch = epoch
        return int(self._shuffled[place])


@dataclass(frozen=True)
class Draw:
    """What chance decides of one sample.

    ``example``: which one. ``joined``: another that follows it after the share ``cut``, or None.
    ``mode``: picture, words or both. ``dropped``: the whole condition is left out. ``timestep``: of
    the scheduler's 1000.
    """

    number: int
    example: int
    joined: int | None
    cut: float
    mode: str
    dropped: bool
    timestep: int


def draw(recipe: LdmRecipe, order: Order, number: int, step: int, timesteps: int = 1000) -> Draw:
    """Sample ``number``, which belongs to ``step``.

    The cut lies between a quarter and three quarters of the shorter clip, as the published trainer
    has it (frames 5 to 15 of 20).
    """
    rng, data = rng_of(recipe.seed, number, "draw"), recipe.data
    # Every number is drawn whether it is used or not: a share changed alone changes nothing else.
    joins, cut, left_out, one_out, other_out = rng.random(5)
    other = int(rng.integers(order.examples))
    timestep = int(rng.integers(timesteps))
    mode = _chosen(recipe.modes_at(step), rng.random())
    if mode == "both":
        if one_out < data.drop_picture:
            mode = "words"
        elif other_out < data.drop_words:
            mode = "picture"
    return Draw(
        number=number,
        example=order(number),
        joined=other if joins < data.concatenate else None,
        cut=0.25 + 0.5 * float(cut),
        mode=mode,
        dropped=bool(left_out < data.drop),
        timestep=timestep,
    )


def _chosen(modes: Mapping[str, float], at: float) -> str:
    """The mode in whose share of the whole ``at`` in [0, 1) falls."""
    total, passed = sum(modes.values()), 0.0
    for mode, often in modes.items():
        passed += often / total
        if at < passed:
            return mode
    return list(modes)[-1]


@dataclass(frozen=True)
class Shares:
    """How one step's samples are divided: ``batch`` at once, ``accumulate`` times, on each of
    ``processes``."""

    batch: int
    accumulate: int
    processes: int

    @property
    def in_a_step(self) -> int:
        return self.batch * self.accumulate * self.processes

    def numbers(self, step: int, turn: int, process: int) -> range:
        """The samples that ``process`` has at its ``turn`` (from 0 to accumulate - 1)."""
        first = step * self.in_a_step + (turn * self.processes + process) * self.batch
        return range(first, first + self.batch)
