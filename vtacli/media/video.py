"""One decode pass over the picture that feeds cut detection, the motion curve and the samples.

Pictures stream through; what stays is a few numbers a frame, and the sampled pictures on disk.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import av

from vtacli.errors import MediaError
from vtacli.media.container import open_film, prepare_decoder
from vtacli.media.frames import FrameStore
from vtacli.media.picture import Shrinker, bgr_of
from vtacli.media.probe import Footage
from vtacli.media.scenes import CutDetector
from vtacli.progress import Note, Report, Step, ignore
from vtacli.signal.media import Curve
from vtacli.signal.motion import MotionMeter, without_cuts

TOLERATED_LOSS = Fraction(1, 10)
"""A film that lacks more of its pictures than this is refused: what would be heard there would
be made for something that is not seen."""

REPORT_EVERY = 24


@dataclass(frozen=True)
class Analysis:
    """What one pass over the picture found. Times in seconds from the film's start.

    ``cuts_s``: the first pictures of new shots, at their exact presentation times.
    ``motion``: a row per picture, see :mod:`vtacli.signal.motion`; cuts are no movement in it.
    ``frames``: the sampled pictures, or None where none were asked for.
    ``duration_s``: as probed, or longer where a picture was decoded that comes later.
    """

    duration_s: Fraction
    cuts_s: list[Fraction]
    motion: Curve
    frames: FrameStore | None
    pictures: int


def analyse(
    footage: Footage,
    *,
    frames_per_second: Fraction | None,
    frame_size_px: int = 224,
    detector: str | None = "adaptive",
    threshold: float | None = None,
    known_cuts_s: Sequence[Fraction] = (),
    spool: Path | None = None,
    report: Report = ignore,
) -> Analysis:
    """Decode the picture once.

    ``frames_per_second``: how often pictures are sampled for the model, None for not at all; the
    sample for k / rate is the picture shown at that time. ``frame_size_px``: their side.
    ``detector``: None for no detection. ``known_cuts_s``: cuts from elsewhere, which then count
    in the motion curve as if detected (they are part of ``cuts_s``). ``spool``: the folder of
    the temporary file.

    A few damaged packets are reported as a warning. Raises MediaError when more than a tenth of
    the pictures cannot be decoded, StorageError when the temporary file cannot be written.
    """
    work = _Pass(
        footage, frames_per_second, frame_size_px, detector, threshold, known_cuts_s, spool
    )
    try:
        for frame in _decoded(footage, report):
            work.take(frame)
            if work.count % REPORT_EVERY == 0:
                report(Step("decode", work.count, footage.frames))
        report(Step("decode", work.count, footage.frames))
        return work.finish(report)
    except BaseException:
        work.discard()
        raise


class _Pass:
    """The state of one pass: the consumers, and the picture that is on the screen."""

    def __init__(
        self,
        footage: Footage,
        frames_per_second: Fraction | None,
        frame_size_px: int,
        detector: str | None,
        threshold: float | None,
        known_cuts_s: Sequence[Fraction],
        spool: Path | None,
    ) -> None:
        self._footage = footage
        self._shrink = Shrinker(footage.sample_aspect, footage.rotation, frame_size_px)
        self._cuts = CutDetector(detector, threshold) if detector else None
        self._motion = MotionMeter()
        self._store = (
            FrameStore(frame_size_px, frames_per_second, spool) if frames_per_second else None
        )
        self._known = sorted(known_cuts_s)
        self._unsampled = deque(self._known)
        self._base = Fraction(0)
        self._tick_s = 0.0
        self._start = 0
        self._due = 0
        self._stamps = array("q")
        self._cut_numbers: set[int] = set()
        self._shown: Any = None
        self._slot: int | None = None
        self._recent: deque[tuple[int, Any]] = deque(
            maxlen=(self._cuts.lag if self._cuts else 0) + 1
        )
        self._skipped = 0
        self._last_duration = 0

    @property
    def count(self) -> int:
        return len(self._stamps)

    def take(self, frame: Any) -> None:
        """The next picture in order of presentation."""
        stamp = frame.pts
        if stamp is None or (self._stamps and stamp <= self._stamps[-1]):
            self._skipped += 1
            return
        if not self._stamps:
            self._base = Fraction(frame.time_base)
            self._tick_s = float(self._base)
            self._start = round(self._footage.start_s / self._base)
        if stamp > self._due:
            self._sample_until(self._time_s(stamp))
        self._shown, self._slot = frame, None
        self._stamps.append(stamp)
        self._last_duration = frame.duration or 0
        small = self._shrink.small(frame)
        self._motion.push((stamp - self._start) * self._tick_s, small[..., 0])
        if self._cuts:
            self._recent.append((self.count - 1, frame))
            self._note_cuts(self._cuts.push(bgr_of(small)))

    def finish(self, report: Report) -> Analysis:
        footage = self._footage
        if not self._stamps:
            raise MediaError(
                "No picture could be decoded.",
                path=footage.path,
                hint="Copy or export the film again.",
            )
        lost = footage.frames - self.count
        if lost > TOLERATED_LOSS * footage.frames:
            raise MediaError(
                f"Only {self.count} of {footage.frames} pictures could be decoded.",
                path=footage.path,
                hint="The film is damaged or truncated: copy or export it again.",
            )
        if self._skipped:
            report(
                Note(
                    f"Pictures without a time of their own passed over: {self._skipped}.", "warning"
                )
            )
        duration_s = footage.duration_s
        if self._time_s(self._stamps[-1]) >= duration_s:
            duration_s = self._time_s(self._stamps[-1] + max(1, self._last_duration))
        self._sample_until(duration_s)
        if self._cuts:
            self._note_cuts(self._cuts.finish())
        found = {self._time_s(self._stamps[n]) for n in self._cut_numbers if 0 < n < self.count}
        cuts_s = sorted(c for c in found | set(self._known) if 0 < c < duration_s)
        motion = without_cuts(self._motion.curve(), cuts_s)
        return Analysis(duration_s, cuts_s, motion, self._store, self.count)

    def discard(self) -> None:
        if self._store:
            self._store.close()

    def _time_s(self, stamp: int) -> Fraction:
        return (stamp - self._start) * self._base

    def _sample_until(self, time_s: Fraction) -> None:
        """The picture on the screen is what is shown at every sampling time before ``time_s``."""
        store = self._store
        if store is None or self._shown is None:
            return
        while store.next_time_s < time_s:
            store.sample(self._slot_of_shown(store))
        while self._unsampled and self._unsampled[0] < time_s:
            store.sample_at(self._unsampled.popleft(), self._slot_of_shown(store))
        next_s = min([store.next_time_s, *list(self._unsampled)[:1]])
        self._due = self._start + floor(next_s / self._base)

    def _slot_of_shown(self, store: FrameStore) -> int:
        if self._slot is None:
            self._slot = store.write(self._shrink.square(self._shown))
        return self._slot

    def _note_cuts(self, numbers: list[int]) -> None:
        self._cut_numbers.update(numbers)
        if self._store is None:
            return
        for number, frame in self._recent:
            if number in numbers:
                slot = self._store.write(self._shrink.square(frame))
                self._store.sample_at(self._time_s(self._stamps[number]), slot)


def _decoded(footage: Footage, report: Report) -> Iterator[Any]:
    """Decoded pictures in order of presentation; damaged packets are counted and reported."""
    damaged = 0
    with open_film(footage.path, only=footage.picture) as container:
        stream = container.streams[footage.picture]
        prepare_decoder(stream)
        for packet in container.demux(stream):
            try:
                yield from packet.decode()
            except av.error.InvalidDataError:
                damaged += 1
    if damaged:
        report(Note(f"Damaged packets of the picture passed over: {damaged}.", "warning"))
