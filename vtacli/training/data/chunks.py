"""Which clips share a shard, so that adding or changing one leaves nearly all shards as they are.

Sources are ordered by a hash of their name, and a shard ends after a source whose hash says so:
boundaries lie in what is there, not at counts (content-defined chunking: Muthitacharoen, Chen and
Mazieres, "A low-bandwidth network file system", SOSP 2001). A new clip changes the shard that it
falls in, and no other. Clips of one film are neighbours, so that it is decoded once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from vtacli.training.data.clip import Clip
from vtacli.training.data.settings import digest_of

LARGEST = 32
SHARDS = 64
"""A set of a few hundred clips is cut into about so many shards, so that processes have enough to
share out; a larger one into shards of :data:`LARGEST` clips."""


@dataclass(frozen=True)
class Chunk:
    """Clips of one shard, and the name that they, their files and the settings give it."""

    name: str
    clips: tuple[Clip, ...]


def usual_size(clips: int) -> int:
    """How many clips a shard has in the mean: a power of two, so that a set that grows keeps its
    boundaries, or half of them."""
    size = 1
    while size < LARGEST and clips >= 2 * size * SHARDS:
        size *= 2
    return size


def chunks_of(clips: Sequence[Clip], settings_digest: str, size: int | None = None) -> list[Chunk]:
    """All clips, each in one chunk of ``size`` clips in the mean and four times that at most.

    The name depends on what the clips' files are: their length and time of change, not their
    place. A file that cannot be read counts as absent.
    """
    size = usual_size(len(clips)) if size is None else size
    if size < 1:
        raise ValueError(f"a shard holds one clip or more, not {size}")
    marks = {source: _mark(source) for source in {clip.source for clip in clips}}
    ordered = sorted(clips, key=lambda c: (marks[c.source], c.source, c.start_s, c.id))
    groups: list[list[Clip]] = [[]]
    for number, clip in enumerate(ordered):
        groups[-1].append(clip)
        last = number + 1 == len(ordered) or ordered[number + 1].source != clip.source
        if (last and marks[clip.source] % size == 0) or len(groups[-1]) >= 4 * size:
            groups.append([])
    return [
        Chunk(digest_of([settings_digest, [identity(c) for c in group]]), tuple(group))
        for group in groups
        if group
    ]


def identity(clip: Clip) -> dict[str, Any]:
    """What makes a clip the one it is: what it says of itself and what its files are, as plain
    values. Its split is no part of it."""
    row = clip.to_dict()
    row.pop("split", None)
    for name, file in (("film", clip.film), ("sound", clip.sound)):
        if file is not None:
            row[name] = [file.name, *_stamp(file)]
    return row


def _stamp(file: Path) -> list[int]:
    try:
        found = file.stat()
    except OSError:
        return []
    return [found.st_size, found.st_mtime_ns]


def _mark(source: str) -> int:
    # not the hash that splits are made by: a split must not gather in few shards
    return int.from_bytes(sha256(f"shard\0{source}".encode()).digest()[:8], "big")
