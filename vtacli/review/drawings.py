"""Everything on the page that is drawn: pictures, outlines, the spectrogram and the motion."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

from vtacli.errors import MediaError
from vtacli.media.probe import Footage
from vtacli.media.video import analyse
from vtacli.progress import Report, ignore
from vtacli.review.model import Shown, ShownTake
from vtacli.review.motion import MotionDrawing, draw_motion
from vtacli.review.spectrogram import spectrogram, spectrogram_png
from vtacli.review.thumbnails import thumbnails
from vtacli.review.waveform import outline, outline_path

COLUMNS, BANDS = 2400, 96
"""Of waveform and spectrogram; what is zoomed in on is stretched."""
MOTION_COLUMNS = 1600
TAKE_COLUMNS = 160
PICTURES = 18
"""About so many thumbnails are side by side over the whole film, one for each scene at least."""


@dataclass(frozen=True)
class Drawings:
    """What there is so far; the rest is None or missing. ``thumbs``: JPEGs by a scene's number;
    ``outlines``: SVG paths by the file of a take's sound."""

    wave: str | None = None
    spectrogram: bytes | None = None
    motion: MotionDrawing | None = None
    thumbs: Mapping[int, tuple[bytes, ...]] = field(default_factory=dict)
    outlines: Mapping[Path, str] = field(default_factory=dict)


def draw_thumbs(shown: Shown, picture: Path) -> dict[int, tuple[bytes, ...]]:
    """Pictures for each scene, evenly spread in it. ``picture``: the film's proxy."""
    wanted: list[tuple[int, Fraction]] = []
    for scene in shown.scenes:
        count = max(1, round(PICTURES * scene.span.duration_s / shown.duration_s))
        step = scene.span.duration_s / count
        wanted += [
            (scene.number, scene.span.start_s + step * (2 * k + 1) / 2) for k in range(count)
        ]
    found: dict[int, tuple[bytes, ...]] = {}
    for (number, _), jpeg in zip(wanted, thumbnails(picture, [t for _, t in wanted]), strict=True):
        found[number] = (*found.get(number, ()), jpeg)
    return found


def draw_film_motion(shown: Shown, footage: Footage, report: Report = ignore) -> MotionDrawing:
    """From the film itself, as the model was shown it; cuts are no movement."""
    cuts = [scene.span.start_s for scene in shown.scenes[1:]]
    found = analyse(
        footage, frames_per_second=None, detector=None, known_cuts_s=cuts, report=report
    )
    return draw_motion(found.motion, shown.duration_s, MOTION_COLUMNS)


def draw_track(sound: Path) -> tuple[str, bytes]:
    """The waveform as an SVG path and the spectrogram as a PNG, of the film's new track."""
    levels = spectrogram(sound, COLUMNS, BANDS)
    return outline_path(outline(sound, COLUMNS)), spectrogram_png(levels)


def draw_takes(takes: Iterable[ShownTake], known: Mapping[Path, str]) -> dict[Path, str]:
    """An outline of each take; those in ``known`` are not read again. A take whose file is gone
    has an empty one: the page is there to show the others."""
    found: dict[Path, str] = {}
    for take in takes:
        try:
            found[take.sound] = known.get(take.sound) or outline_path(
                outline(take.sound, TAKE_COLUMNS)
            )
        except MediaError:
            found[take.sound] = ""
    return found
