"""What travels between a batch and its workers: plain values that pickle, and nothing of torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vtacli.model.variants import Variant
from vtacli.options import GenerateOptions
from vtacli.progress import Note, Step

OF_THE_FILM = frozenset({2, 3, 10})
"""Exit codes of failures that lie in the film, or in what is asked of it: they would come again.
Others (a disk, a device, a program that is missing, a lost worker) lie in the surroundings."""


@dataclass(frozen=True)
class Stamp:
    """A file's size in bytes and when it was changed, in nanoseconds."""

    size: int
    mtime_ns: int

    @staticmethod
    def of(path: Path) -> Stamp:
        """Raises OSError."""
        found = path.stat()
        return Stamp(found.st_size, found.st_mtime_ns)


@dataclass(frozen=True)
class Film:
    """A film to be dubbed. ``path`` is absolute; ``relative``: under which name it is mirrored."""

    path: Path
    relative: Path


@dataclass(frozen=True)
class ModelFacts:
    """What a worker knows of the model that another process holds.

    ``listener``: the names of the sounds that its tagger knows, None where there is no tagger.
    ``folder`` and ``weights_dir`` are where a worker looks for the speech detector.
    """

    name: str
    variant: Variant
    few_steps: int | None
    weights_bytes: int
    listener: tuple[str, ...] | None
    folder: Path | None
    weights_dir: Path | None


@dataclass(frozen=True)
class FilmTask:
    """One film for one worker. ``making``: the file to write, alone in a folder of its own.

    ``options.seed`` None: it is derived from the film's content. ``witness``: a file that every
    worker sees if the output's folder is one and the same for all; None: nobody need look.
    """

    number: int
    film: Path
    making: Path
    options: GenerateOptions
    content: str | None = None
    witness: Path | None = None


@dataclass(frozen=True)
class Made:
    """A film's new version, whole, but not yet under its name.

    ``content``: SHA-256 of the film, ``source`` its stamp; ``sha256`` and ``stamp`` are the new
    file's. ``result``: as :meth:`vtacli.dub.Dubbed.to_dict`.
    """

    number: int
    content: str
    source: Stamp
    sha256: str
    stamp: Stamp
    seed: int
    seconds: float
    result: dict[str, Any]


@dataclass(frozen=True)
class Failed:
    """``code``, ``text``: the exit code and the sentence with which ``vta generate`` would end."""

    number: int
    code: int
    text: str
    content: str | None = None
    source: Stamp | None = None

    @property
    def final(self) -> bool:
        """Whether it would come again: see :data:`OF_THE_FILM`."""
        return self.code in OF_THE_FILM


@dataclass(frozen=True)
class Lost:
    """Whoever worked at the film is gone: killed, crashed, or with its machine."""

    number: int
    reason: str


@dataclass(frozen=True)
class Progress:
    """What a worker reports of its film."""

    number: int
    event: Step | Note


@dataclass(frozen=True)
class Waiting:
    """The film waits for the model, or no longer does."""

    number: int
    waiting: bool


Told = Made | Failed | Lost | Progress | Waiting
"""What an engine tells of its films."""
