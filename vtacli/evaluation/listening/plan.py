"""What people are asked, in an order that a seed decides, under names that tell nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from vtacli.errors import ConfigError

PAIRS, MOS, BOTH = "pairs", "mos", "both"
KINDS = (PAIRS, MOS, BOTH)

PAIR_QUESTIONS = (("prefer", "Which of the two has the better sound for this film?"),)
MOS_QUESTIONS = (
    ("quality", "How good is the sound by itself?"),
    ("meaning", "How well does it fit what is seen?"),
    ("timing", "How well does it keep time with what is seen?"),
)
GRADES = ((5, "excellent"), (4, "good"), (3, "fair"), (2, "poor"), (1, "bad"))
"""The absolute category rating of ITU-T P.800, Annex B."""
FORMAT = "vta listening test 1"


@dataclass(frozen=True)
class Item:
    """One film with one sound. ``code``: its only name on the page."""

    code: str
    clip: str
    system: str


@dataclass(frozen=True)
class Trial:
    """``items``: the codes of one item to grade, or of two to compare, in the order shown."""

    number: int
    kind: str
    items: tuple[str, ...]


@dataclass(frozen=True)
class Plan:
    """A test. The page gets the trials alone; ``items`` is the key to them."""

    test: str
    seed: int
    items: tuple[Item, ...]
    trials: tuple[Trial, ...]

    def key(self) -> dict[str, Any]:
        """What the answers are read with, and no listener should see."""
        return {
            "format": FORMAT,
            "test": self.test,
            "seed": self.seed,
            "items": [asdict(i) for i in self.items],
            "trials": [asdict(t) for t in self.trials],
        }

    @staticmethod
    def of_key(key: dict[str, Any]) -> Plan:
        """What :meth:`key` gave. Raises KeyError, TypeError or ValueError for anything else."""
        if key["format"] != FORMAT:
            raise ValueError(f"not {FORMAT}")
        return Plan(
            key["test"],
            int(key["seed"]),
            tuple(Item(**i) for i in key["items"]),
            tuple(Trial(int(t["number"]), t["kind"], tuple(t["items"])) for t in key["trials"]),
        )


def plan_test(clips: Sequence[tuple[str, Sequence[str]]], kind: str = BOTH, seed: int = 0) -> Plan:
    """A test of some clips, each with the names of the systems that have a sound for it.

    Pairs: every two systems of a clip once, left and right by lot. Grades: every system of a clip
    once. The pairs come first, all in an order by lot; the page turns that order for each
    listener. The same clips and seed give the same test.

    Raises ConfigError where there is nothing to ask.
    """
    if kind not in KINDS:
        raise ConfigError(f"What is asked is {', '.join(KINDS)}, not {kind!r}.")
    rng = np.random.default_rng(seed)
    items: list[Item] = []
    of_clip: list[list[Item]] = []
    for clip, systems in clips:
        made = [Item(rng.bytes(6).hex(), clip, s) for s in systems]
        items += made
        of_clip.append(made)
    asked: list[tuple[str, tuple[str, ...]]] = []
    if kind in (PAIRS, BOTH):
        pairs = [
            (a.code, b.code) if rng.random() < 0.5 else (b.code, a.code)
            for made in of_clip
            for a, b in combinations(made, 2)
        ]
        asked += [(PAIRS, pairs[i]) for i in rng.permutation(len(pairs))]
    if kind in (MOS, BOTH):
        asked += [(MOS, (items[i].code,)) for i in rng.permutation(len(items))]
    if not asked:
        raise ConfigError(
            "there is nothing to ask",
            hint="Pairs need two sounds a film: its own and another, or two --generated.",
        )
    shuffled = tuple(items[i] for i in rng.permutation(len(items)))
    trials = tuple(Trial(n, k, codes) for n, (k, codes) in enumerate(asked))
    return Plan(rng.bytes(8).hex(), seed, shuffled, trials)
