"""What the audition page shows, as plain values: no session, no file but sounds to be played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from vtacli.timecode import Timecode
from vtacli.timeline import Hit, Span


@dataclass(frozen=True)
class ShownTake:
    """One take of a scene. ``sound``: its samples on the scene's own clock, before any gain.
    ``remark``: what it was drawn from, or what the picture was taken for."""

    number: int
    sound: Path
    seed: int
    prompt: str | None = None
    negative: str | None = None
    hits: tuple[Hit, ...] = ()
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    remark: str = ""
    pick: str = ""
    """The command that chooses it."""
    digest: str = ""
    """SHA-256 of the file, in hexadecimal."""
    scale_db: float = 0.0
    """What the file is to be raised by: it holds sound louder than full scale."""


@dataclass(frozen=True)
class ShownScene:
    """One scene with its takes. ``number`` counts from 1, as commands do. ``hits`` are on the
    film's clock. ``gain_db`` is the scene's own. ``guess``: what all takes took the picture for."""

    number: int
    span: Span
    start_label: str
    end_label: str
    takes: tuple[ShownTake, ...] = ()
    chosen: int | None = None
    prompt: str | None = None
    negative: str | None = None
    seed: int | None = None
    hits: tuple[Hit, ...] = ()
    gain_db: float = 0.0
    mute: bool = False
    lock: bool = False
    guess: str | None = None

    @property
    def take(self) -> ShownTake | None:
        """The take that the film is heard with."""
        return next((t for t in self.takes if t.number == self.chosen), None)


@dataclass(frozen=True)
class Track:
    """A film's new track, written to a file. ``levels``: the gain of each scene's foley in it, in
    dB by the scene's number; scenes that are not heard have none. ``stamp``: of the state that it
    was made from."""

    levels: Mapping[int, float]
    stamp: str = ""


@dataclass(frozen=True)
class Shown:
    """A session. ``facts``: what a person may want to know besides, as pairs of words. ``undo``:
    what the next undo would take back."""

    title: str
    session: Path
    film: Path
    duration_s: Fraction
    scenes: tuple[ShownScene, ...]
    facts: tuple[tuple[str, str], ...] = ()
    undo: str | None = None

    @property
    def takes(self) -> int:
        """How many takes there are in all."""
        return sum(len(s.takes) for s in self.scenes)


def labels(span: Span, start: Timecode | None) -> tuple[str, str]:
    """The timecodes of a span's first picture and of the one after its last; plain times where a
    film has no timecode. ``start``: of the film's first picture."""
    if start is None:
        return clock(span.start_s), clock(span.end_s)
    first, after = ((start + round(t * start.rate)).text for t in (span.start_s, span.end_s))
    return first, after


def clock(time_s: Fraction | float) -> str:
    """``M:SS.mmm`` or ``H:MM:SS.mmm``, rounded down."""
    whole, milli = divmod(int(time_s * 1000), 1000)
    hours, rest = divmod(whole, 3600)
    short = f"{rest // 60}:{rest % 60:02}.{milli:03}"
    return short if not hours else f"{hours}:{rest // 60:02}:{rest % 60:02}.{milli:03}"
