"""The pictures of some scenes, and how they move, as the model is to see them: the same as in a
pass over the whole film, without one.

How the film moves was found when its cuts were, and is kept in the session (``motion.npz``, a few
hundred bytes a second); the sampled pictures are decoded where the scenes are.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from fractions import Fraction
from math import ceil
from pathlib import Path
from types import TracebackType

import numpy as np

from vtacli.media.frames import FrameStore
from vtacli.media.sampling import sample_frames
from vtacli.media.video import analyse
from vtacli.planning import Screening
from vtacli.progress import Report, Step
from vtacli.session.files import hash_file, write_bytes
from vtacli.session.folder import MOTION
from vtacli.session.session import Session
from vtacli.signal.media import Curve, Frames
from vtacli.signal.motion import without_cuts
from vtacli.timeline import Span


class SceneFrames:
    """Sampled pictures of some stretches of a film; a context manager that closes their files."""

    def __init__(self, stores: Iterable[tuple[Span, FrameStore]]) -> None:
        self._stores = list(stores)
        self._open = ExitStack()
        for _, store in self._stores:
            self._open.enter_context(store)

    def between(self, span: Span) -> Frames:
        """As :meth:`vtacli.media.frames.FrameStore.between`, for a span within one stretch."""
        for stretch, store in self._stores:
            if stretch.start_s <= span.start_s and span.end_s <= stretch.end_s:
                return store.between(span)
        raise ValueError(f"{span.start_s} .. {span.end_s} was not decoded")

    def __enter__(self) -> SceneFrames:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open.close()


def watch_scenes(
    session: Session,
    job: Screening,
    spans: Sequence[Span],
    cuts_s: Sequence[Fraction],
    report: Report,
) -> tuple[SceneFrames, Curve]:
    """The pictures of ``spans`` and the film's motion. ``cuts_s``: of the whole film.

    Only the spans are decoded, but where the session does not know how the film moves, or a span
    is so short that the pictures beside it matter. Raises MediaError, StorageError.
    """
    motion = _known_motion(session, cuts_s)
    rate = job.variant.frames_per_second
    sampled = all(ceil(s.start_s * rate) < ceil(s.end_s * rate) for s in spans)
    if motion is None or not sampled:
        return _whole(job, cuts_s, report)
    stores: list[tuple[Span, FrameStore]] = []
    try:
        for done, span in enumerate(spans):
            report(Step("decode", done, len(spans)))
            store = sample_frames(
                job.footage,
                span,
                frames_per_second=rate,
                frame_size_px=job.variant.frame_size_px,
                spool=job.folder,
            )
            stores.append((span, store))
    except BaseException:
        SceneFrames(stores).__exit__(None, None, None)
        raise
    report(Step("decode", len(spans), len(spans)))
    return SceneFrames(stores), motion


def keep_motion(session: Session, motion: Curve) -> str:
    """Keep a film's motion in the session; returns the hash of the file."""
    path = session.path / MOTION

    def write(part: Path) -> None:
        with part.open("wb") as file:
            np.savez_compressed(file, times_s=motion.times_s, values=motion.values)

    write_bytes(path, write)
    return hash_file(path)


def _known_motion(session: Session, cuts_s: Sequence[Fraction]) -> Curve | None:
    path = session.path / MOTION
    if not path.is_file() or hash_file(path) != session.state.motion:
        return None
    try:
        with np.load(path) as arrays:
            curve = Curve(arrays["times_s"], arrays["values"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
    known = {Fraction(c) for c in session.state.cuts}
    return without_cuts(curve, [c for c in cuts_s if c not in known])


def _whole(job: Screening, cuts_s: Sequence[Fraction], report: Report) -> tuple[SceneFrames, Curve]:
    found = analyse(
        job.footage,
        frames_per_second=job.variant.frames_per_second,
        frame_size_px=job.variant.frame_size_px,
        detector=None,
        known_cuts_s=cuts_s,
        spool=job.folder,
        report=report,
    )
    assert found.frames is not None
    everything = Span(Fraction(0), max(found.duration_s, job.footage.duration_s))
    return SceneFrames([(everything, found.frames)]), found.motion
