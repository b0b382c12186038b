"""The pictures of some scenes, as the model is to see them."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from vtacli.media.frames import FrameStore
from vtacli.media.video import analyse
from vtacli.planning import Screening
from vtacli.progress import Report
from vtacli.signal.media import Curve
from vtacli.timeline import Span


def watch_scenes(
    job: Screening, spans: Sequence[Span], cuts_s: Sequence[Fraction], report: Report
) -> tuple[FrameStore, Curve]:
    """Sampled pictures and the motion curve, the same within ``spans`` as of the whole film.

    ``cuts_s``: of the whole film. Raises the errors of :func:`vtacli.media.video.analyse`.
    """
    analysis = analyse(
        job.footage,
        frames_per_second=job.variant.frames_per_second,
        frame_size_px=job.variant.frame_size_px,
        detector=None,
        known_cuts_s=cuts_s,
        spool=job.folder,
        report=report,
    )
    assert analysis.frames is not None
    return analysis.frames, analysis.motion
