"""Training, validation and test: which a clip is in follows from its source alone.

The source's name is hashed to a number in [0, 1); the shares cut that range. A clip that is added
or taken away moves no other, and all clips of one video are on one side, on any machine and in any
order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from math import isclose, isfinite

from vtacli.errors import ConfigError
from vtacli.training.data.clip import SPLITS, Clip

PUBLISHED = {"train": 0.96, "validation": 0.02, "test": 0.02}
"""The shares of the published trainer."""


def place_of(source: str, salt: str = "") -> float:
    """A number in [0, 1), the same for a source for ever. ``salt``: another one, another split."""
    digest = sha256(f"{salt}\0{source}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def split_of(source: str, shares: Mapping[str, float] = PUBLISHED, salt: str = "") -> str:
    """Train, validation or test.

    Raises ConfigError for shares that do not sum to 1 or are of something else.
    """
    if unknown := sorted(set(shares) - set(SPLITS)):
        raise ConfigError(f"There is no split {unknown[0]!r}; it is one of {', '.join(SPLITS)}.")
    amounts = [shares.get(name, 0.0) for name in SPLITS]
    if not all(isfinite(a) and a >= 0 for a in amounts) or not isclose(sum(amounts), 1):
        raise ConfigError(f"The shares of the splits must sum to 1, not {sum(amounts):g}.")
    place, until = place_of(source, salt), 0.0
    for name, amount in zip(SPLITS, amounts, strict=True):
        until += amount
        if place < until:
            return name
    return next(n for n, a in zip(reversed(SPLITS), reversed(amounts), strict=True) if a)


def splits(
    clips: Iterable[Clip],
    shares: Mapping[str, float] = PUBLISHED,
    salt: str = "",
    keep: bool = True,
) -> dict[str, list[Clip]]:
    """The clips of each split, in the order given; all three are there, if empty.

    ``keep``: a clip whose manifest says its split stays there, with all others of its source; a
    source that its manifest puts in several is in the last of train, validation, test that it
    names, since what was tested on must not be trained on. A manifest that knows training and test
    alone (VGGSound's) gives of its training sources what validation is due.
    """
    clips = list(clips)
    said: dict[str, str] = {}
    for clip in clips if keep else ():
        if clip.split is not None:
            before = said.get(clip.source, clip.split)
            said[clip.source] = max(before, clip.split, key=SPLITS.index)
    if said and "validation" not in said.values():
        both = shares.get("train", 0.0) + shares.get("validation", 0.0)
        part = shares.get("validation", 0.0) / both if both else 0.0
        for source, name in said.items():
            if name == "train" and place_of(source, salt) >= 1 - part:
                said[source] = "validation"
    found: dict[str, list[Clip]] = {name: [] for name in SPLITS}
    for clip in clips:
        name = said.get(clip.source) or split_of(clip.source, shares, salt)
        found[name].append(clip)
    return found
