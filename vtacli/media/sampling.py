"""The pictures of a stretch of a film, sampled for a model: no more is decoded than is needed.

What :func:`vtacli.media.video.analyse` samples in its pass over a whole film, for those who want
neither cuts nor motion. A stretch in the middle is reached by seeking to the keyframe before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import Any

import av

from vtacli.errors import MediaError
from vtacli.media.container import open_film, prepare_decoder
from vtacli.media.frames import FrameStore
from vtacli.media.picture import CENTRE, Shrinker
from vtacli.media.probe import Footage
from vtacli.timeline import Span

TOLERATED_LOSS = Fraction(1, 10)
WORTH_SEEKING_S = Fraction(5)
"""A stretch that begins earlier is reached by decoding from the start."""
LEAD_S = Fraction(1)
"""Seeking aims so much earlier: pictures that lean on ones before a keyframe are not shown."""


def sample_frames(
    footage: Footage,
    span: Span,
    *,
    frames_per_second: Fraction,
    frame_size_px: int,
    place: Fraction = CENTRE,
    spool: Path | None = None,
) -> FrameStore:
    """Pictures (3, S, S) of ``span``, at the film's own sampling times k / ``frames_per_second``:
    each is what is shown at its time. :meth:`FrameStore.between` gives those of any span within in
    which such a time lies. ``place``: of the square, as :class:`Shrinker` takes it.

    Raises MediaError where more than a tenth of the pictures cannot be decoded, StorageError where
    the temporary file cannot be written.
    """
    store = FrameStore(frame_size_px, frames_per_second, spool)
    shrink = Shrinker(footage.sample_aspect, footage.rotation, frame_size_px, place)
    try:
        for start_s in _beginnings(span):
            if _sample(footage, span, start_s, store, shrink):
                return store
        raise MediaError(
            "No picture could be decoded.",
            path=footage.path,
            hint="Copy or export the film again.",
        )
    except BaseException:
        store.close()
        raise


def _beginnings(span: Span) -> list[Fraction | None]:
    """Where to begin: by seeking, and from the film's start where that is of no use."""
    return [span.start_s, None] if span.start_s >= WORTH_SEEKING_S else [None]


def _sample(
    footage: Footage, span: Span, seek_s: Fraction | None, store: FrameStore, shrink: Shrinker
) -> bool:
    """False, with nothing stored, where seeking landed behind the span's beginning."""
    shown: Any = None
    slot: int | None = None
    before_s = Fraction(-1)
    seen = 0

    def sample_until(time_s: Fraction) -> None:
        nonlocal slot
        while store.next_time_s < time_s:
            if slot is None:
                slot = store.write(shrink.square(shown))
            store.sample(slot)

    for time_s, frame in _pictures(footage, seek_s):
        if time_s <= before_s:
            continue
        if shown is None and seek_s is not None and time_s > span.start_s:
            return False
        before_s = time_s
        if time_s > span.start_s and shown is not None:
            # times before the span are asked of nobody: they point to its first picture
            sample_until(min(time_s, span.end_s))
        if time_s >= span.end_s:
            break
        shown, slot = frame, None
        seen += time_s >= span.start_s
    if shown is None:
        return False
    sample_until(span.end_s)
    _check_loss(footage, span, seen)
    return True


def _pictures(footage: Footage, seek_s: Fraction | None) -> Iterator[tuple[Fraction, Any]]:
    """Time from the film's start, and picture, in order of presentation."""
    with open_film(footage.path, only=footage.picture) as container:
        stream = container.streams[footage.picture]
        prepare_decoder(stream)
        if seek_s is not None:
            target = (seek_s - LEAD_S + footage.start_s) / Fraction(stream.time_base)
            try:
                container.seek(int(target), stream=stream, backward=True)
            except av.error.FFmpegError:
                return
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                if frame.pts is not None:
                    base = Fraction(frame.time_base)
                    start = round(footage.start_s / base)
                    yield (frame.pts - start) * base, frame


def _check_loss(footage: Footage, span: Span, seen: int) -> None:
    """Refuse a stretch that lacks more than a tenth of its pictures. Where the rate varies, what
    a part should have is not known, and the whole alone is checked."""
    share = span.duration_s / footage.duration_s
    if footage.variable_rate and share < 1:
        return
    expected = ceil(footage.frames * min(share, Fraction(1))) - 1
    if expected - seen > TOLERATED_LOSS * expected:
        raise MediaError(
            f"Only {seen} of {expected} pictures could be decoded.",
            path=footage.path,
            hint="The film is damaged or truncated: copy or export it again.",
        )
