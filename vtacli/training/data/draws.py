"""What is drawn at each step of training: which examples, cut together where, told what of.

All of it is a function of (seed, step), so a run that is resumed draws what the uninterrupted one
would have, and processes that share a batch agree without speaking to each other.

The published trainer concatenates every example or none, draws text or video for a whole batch
(``--input_mol joint``), and forgot to leave conditions out, without which guidance has nothing to
lead away from (Ho and Salimans, "Classifier-free diffusion guidance", arXiv 2207.12598, section
3.2). Here each of these is a share, row by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from vtacli.errors import ConfigError
from vtacli.training.data.augment import (
    ReadWords,
    concatenate,
    without_picture,
    without_words,
)
from vtacli.training.data.prepared import Example

TASKS = ("video", "text", "joint", "concat")
"""The published trainer's ``--input_mol``: what a row is told of before anything is dropped."""


@dataclass(frozen=True)
class Variation:
    """How examples are varied; all shares are in [0, 1].

    ``task``: ``video`` shows the picture alone; ``text`` the words alone (pretraining); ``joint``
    one of both for the whole batch, words with ``text_share``; ``concat`` both.
    ``concatenated``: rows that are cut together with another example; the cut lies within the
    shares ``cut_range`` of the window, or of the shorter of both where it is shorter (the published
    trainer cuts between 2.5 and 7.5 s of 10.24).
    ``drop_words``, ``drop_picture``: rows that lose the one and keep the other; ``drop_both``:
    rows that lose both. They are exclusive and sum to at most 1.
    """

    task: str = "concat"
    concatenated: float = 0.0
    cut_range: tuple[float, float] = (0.25, 0.75)
    text_share: float = 0.5
    drop_words: float = 0.0
    drop_picture: float = 0.0
    drop_both: float = 0.1

    def __post_init__(self) -> None:
        if self.task not in TASKS:
            raise ConfigError(f"The task is one of {', '.join(TASKS)}, not {self.task!r}.")
        for name in ("concatenated", "text_share", "drop_words", "drop_picture", "drop_both"):
            share = getattr(self, name)
            if not isfinite(share) or not 0 <= share <= 1:
                raise ConfigError(f"{name} is a share from 0 to 1, not {share!r}.")
        if self.drop_words + self.drop_picture + self.drop_both > 1 + 1e-9:
            raise ConfigError("drop_words, drop_picture and drop_both sum to more than 1.")
        low, high = self.cut_range
        if not 0 <= low <= high <= 1:
            raise ConfigError(f"cut_range is two shares of the window, not {low}, {high}.")


@dataclass(frozen=True)
class Draw:
    """One row of a batch: the example ``index``; ``other`` follows it from mel frame ``cut`` of a
    full window on, where it is not None; ``words`` and ``picture``: which conditions stay."""

    index: int
    other: int | None
    cut: int
    words: bool
    picture: bool

    @property
    def unconditional(self) -> bool:
        return not (self.words or self.picture)


def generator(seed: int, purpose: str, number: int) -> np.random.Generator:
    """Independent for every purpose and number, the same on every machine."""
    digest = sha256(f"{purpose}/{seed}/{number}".encode()).digest()
    return np.random.default_rng(int.from_bytes(digest[:16], "big"))


def order(seed: int, epoch: int, count: int) -> NDArray[np.int64]:
    """In which order an epoch goes through ``count`` examples: each once."""
    return generator(seed, "order", epoch).permutation(count)


def indices(seed: int, step: int, batch: int, count: int) -> list[int]:
    """The examples of a step: epochs one after the other, each in its own order, cut into batches
    regardless of where an epoch ends, so that all examples come equally often."""
    if count < 1:
        raise ValueError("there are no examples to draw from")
    found: list[int] = []
    at = step * batch
    while len(found) < batch:
        epoch, start = divmod(at + len(found), count)
        part = order(seed, epoch, count)[start : start + batch - len(found)]
        found += map(int, part)
    return found


def draws(
    seed: int,
    step: int,
    batch: int,
    count: int,
    variation: Variation,
    mel_frames: int = 1024,
) -> list[Draw]:
    """The rows of a step. What one share is does not change what is drawn for the others."""
    rng = generator(seed, "draws", step)
    numbers = rng.random((batch, 4))
    of_batch = rng.random()
    v = variation
    says_words = v.task in ("text", "concat") or (v.task == "joint" and of_batch < v.text_share)
    shows_picture = v.task in ("video", "concat") or (v.task == "joint" and not says_words)
    low, high = v.cut_range
    rows = []
    for index, (join, other, cut, drop) in zip(
        indices(seed, step, batch, count), numbers, strict=True
    ):
        words, picture = says_words, shows_picture
        if drop < v.drop_both:
            words = picture = False
        elif drop < v.drop_both + v.drop_words:
            words = False
        elif drop < v.drop_both + v.drop_words + v.drop_picture:
            picture = False
        joined = bool(join < v.concatenated)
        rows.append(
            Draw(
                index=index,
                other=int(other * count) if joined else None,
                cut=round((low + cut * (high - low)) * mel_frames) if joined else 0,
                words=words,
                picture=picture,
            )
        )
    return rows


def drawn(examples: Sequence[Example], row: Draw, read_words: ReadWords | None = None) -> Example:
    """The example that a row speaks of, cut together and with its conditions left out."""
    example = examples[row.index]
    if row.other is not None:
        other = examples[row.other]
        # at the same share of what both have: neither side may be cut in its padding
        both_s = min(example.seconds, other.seconds)
        share = row.cut / example.mel.shape[1]
        example = concatenate(example, other, share * both_s, read_words)
    if not row.picture:
        example = without_picture(example)
    return example if row.words else without_words(example)


def dropped_shares(variation: Variation) -> dict[str, float]:
    """The expected shares of rows that keep words, picture, both and neither, for task
    ``concat``: what :func:`draws` tends to."""
    v = variation
    return {
        "words": 1 - v.drop_both - v.drop_words,
        "picture": 1 - v.drop_both - v.drop_picture,
        "both": 1 - v.drop_both - v.drop_words - v.drop_picture,
        "neither": v.drop_both,
    }
