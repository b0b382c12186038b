"""Which recordings were made together: takes of one series, and works of one author.

A recording that is held out by a hash of its name alone may have a sister, take 2 of the same door
by the same recordist, on the training side. A strict comparison leaves those out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar

from vtacli.model.mini.series import series_of

UNNAMED_AUTHORS = frozenset({"", "N/A", "[↓](#authors)"})
WHOLE_COLLECTION = 0.9
"""An author named for this share of a collection, or more, is the collection itself."""


class Named(Protocol):
    """What is known of a recording without its sound."""

    @property
    def file(self) -> str: ...
    @property
    def author(self) -> str: ...
    @property
    def source(self) -> str: ...


R = TypeVar("R", bound=Named)


def collection_of(recording: Named) -> str:
    """The repository that a recording comes from."""
    return recording.source.split(":")[0]


def person(author: str) -> str:
    """An author's name without the number of a work: ``joshs (Freesound 260105)`` -> ``joshs``."""
    return re.sub(r"\s*\(.*\)$", "", author.strip()).lower()


def people(recordings: Iterable[Named]) -> set[str]:
    """The authors that are persons: named, and not standing for a whole collection."""
    pairs = [(collection_of(r), person(r.author)) for r in recordings]
    sizes = Counter(collection for collection, _ in pairs)
    whole = {
        name
        for (collection, name), count in Counter(pairs).items()
        if sizes[collection] > 1 and count >= WHOLE_COLLECTION * sizes[collection]
    }
    return {name for _, name in pairs} - whole - {person(name) for name in UNNAMED_AUTHORS}


def apart(held_out: Sequence[R], training: Sequence[R]) -> list[R]:
    """The held-out recordings that share neither a series nor an author with the training side."""
    series = {series_of(r.file) for r in training}
    known = people([*held_out, *training])
    authors = {person(r.author) for r in training} & known
    return [
        r for r in held_out if series_of(r.file) not in series and person(r.author) not in authors
    ]
