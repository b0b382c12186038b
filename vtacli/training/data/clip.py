"""One clip to learn from: a stretch of a film with its sound and, where there are any, words."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

SPLITS = ("train", "validation", "test")


@dataclass(frozen=True)
class Clip:
    """A row of a manifest. Nothing has been opened yet.

    ``id`` is its name, unique in its manifest. ``film`` None: sound and words alone, which serve
    for pretraining without a picture. ``sound`` None: the film's own sound; otherwise a file whose
    first sample belongs to the film's first picture. ``caption``: what is heard. The clip is the
    half-open stretch [``start_s``, ``end_s``) of both files; ``end_s`` None is their end.
    ``source`` names the video that the clip was cut from: clips of one source never lie in
    different splits. ``split``: the one that the manifest says, or None.
    """

    id: str
    film: Path | None
    sound: Path | None
    caption: str | None
    start_s: Fraction
    end_s: Fraction | None
    source: str
    split: str | None = None

    def __post_init__(self) -> None:
        if self.film is None and self.sound is None:
            raise ValueError(f"the clip {self.id!r} has neither a film nor a sound")
        if not isinstance(self.start_s, Fraction) or self.start_s < 0:
            raise ValueError(f"the clip {self.id!r} cannot start at {self.start_s!r}")
        if self.end_s is not None and not self.end_s > self.start_s:
            raise ValueError(f"the clip {self.id!r} ends at {self.end_s}, before it starts")
        if self.split is not None and self.split not in SPLITS:
            raise ValueError(f"the clip {self.id!r} is in the split {self.split!r}")

    @property
    def file(self) -> Path:
        """The file that a message about this clip names."""
        path = self.film if self.film is not None else self.sound
        assert path is not None
        return path

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the times as exact fractions (``"31/2"``), without what is not there."""
        row = {
            "id": self.id,
            "film": None if self.film is None else str(self.film),
            "sound": None if self.sound is None else str(self.sound),
            "caption": self.caption,
            "start_s": str(self.start_s) if self.start_s else None,
            "end_s": None if self.end_s is None else str(self.end_s),
            "source": self.source,
            "split": self.split,
        }
        return {key: value for key, value in row.items() if value is not None}


def source_of(name: str) -> str:
    """The video that a clip's file name speaks of.

    VGGSound's and AudioSet's clips are called ``ID_000030`` (start in whole seconds, six digits)
    or ``ID_30000_40000`` (start and end in milliseconds); the source is what stands before. Any
    other name is a source of its own.
    """
    head, _, tail = name.rpartition("_")
    if head and len(tail) == 6 and tail.isascii() and tail.isdigit():
        return head
    first, _, middle = head.rpartition("_")
    digits = [part for part in (middle, tail) if part.isascii() and part.isdigit()]
    return first if first and len(digits) == 2 and int(middle) < int(tail) else name
