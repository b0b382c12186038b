"""What a clip holds, decoded once, for whoever scores it: sound, motion or flow, a few pictures."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vtacli.errors import MediaError, VtaError
from vtacli.media.flow import flow_of
from vtacli.media.probe import Footage, probe
from vtacli.media.sampling import sample_frames
from vtacli.media.sound import sound_track
from vtacli.media.video import analyse
from vtacli.signal.media import Curve, Frames
from vtacli.signal.mel import RATE_HZ
from vtacli.timeline import Span
from vtacli.training.data.clip import Clip
from vtacli.training.data.sound import file_sound, film_sound, stretches, track_length_s

LONGEST_S = Fraction(60)
"""Of a clip that is listened to and looked at; what comes later is not scored."""
LOOKS_PER_SECOND = Fraction(1)


@dataclass(frozen=True)
class Wanted:
    """``motion``: the motion curve; ``flow_side_px``: optical flow on pictures whose shorter side
    is so long, None for no flow; ``look_px``: the side of the pictures to look at, None for
    none; ``wide_hz``: a second rate at which the sound is heard, None for none."""

    motion: bool = False
    flow_side_px: int | None = None
    look_px: int | None = None
    wide_hz: int | None = None


@dataclass(frozen=True)
class Material:
    """Of the clip's stretch ``span`` of its files. ``wave``: (N,) float32 at 16 kHz; ``wide``: at
    the second rate. ``motion``
    and ``flow`` (pictures,) are of the film from its start; ``looks``: a picture a second, times
    from the stretch's start. What was not wanted, or has no film, is None."""

    span: Span
    wave: NDArray[np.float32]
    frame_rate: Fraction | None = None
    motion: Curve | None = None
    flow: NDArray[np.float64] | None = None
    looks: Frames | None = None
    wide: NDArray[np.float32] | None = None


def material_of(clip: Clip, wanted: Wanted) -> Material:
    """Raises MediaError for whatever a file can do wrong."""
    try:
        return _material(clip, wanted)
    except VtaError:
        raise
    except Exception as error:  # a decoder's own, of which there is no list
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise MediaError(f"It cannot be decoded ({what}).", path=clip.file) from error


def _material(clip: Clip, wanted: Wanted) -> Material:
    footage = None if clip.film is None else probe(clip.film)
    if clip.sound is None and footage is not None and not footage.audio:
        raise MediaError("The film has no sound.", path=clip.file)
    span = _span(clip, footage)
    wave = _sound(clip, footage, span, RATE_HZ)
    if not len(wave):
        raise MediaError("There is no sound in this stretch.", path=clip.file)
    wide = None if wanted.wide_hz is None else _sound(clip, footage, span, wanted.wide_hz)
    if footage is None:
        return Material(span, wave, wide=wide)
    motion = looks = flow = None
    if wanted.motion:
        motion, looks = _one_pass(footage, span, wanted.look_px)
    elif wanted.look_px is not None:
        with sample_frames(
            footage, span, frames_per_second=LOOKS_PER_SECOND, frame_size_px=wanted.look_px
        ) as store:
            looks = store.between(span)
    if wanted.flow_side_px is not None:
        flow = flow_of(footage, span.end_s, shorter_side_px=wanted.flow_side_px)
    return Material(span, wave, footage.frame_rate, motion, flow, looks, wide)


def _sound(clip: Clip, footage: Footage | None, span: Span, rate_hz: int) -> NDArray[np.float32]:
    if clip.sound is not None:
        blocks = file_sound(sound_track(clip.sound), rate_hz=rate_hz)
    else:
        assert footage is not None
        blocks = film_sound(footage, rate_hz=rate_hz)
    return stretches(blocks, [span.samples(rate_hz)])[0]


def _one_pass(footage: Footage, span: Span, look_px: int | None) -> tuple[Curve, Frames | None]:
    seen = analyse(
        footage,
        frames_per_second=None if look_px is None else LOOKS_PER_SECOND,
        frame_size_px=look_px or 0,
        detector=None,
    )
    if seen.frames is None:
        return seen.motion, None
    with seen.frames as store:
        return seen.motion, store.between(span)


def _span(clip: Clip, footage: Footage | None) -> Span:
    if footage is not None:
        length_s = footage.duration_s
    else:
        assert clip.sound is not None
        length_s = track_length_s(sound_track(clip.sound))
    if clip.start_s >= length_s:
        raise MediaError(
            f"The clip starts at {float(clip.start_s):g} s, but the file ends at "
            f"{float(length_s):g} s.",
            path=clip.file,
        )
    end_s = min(clip.end_s or length_s, length_s, clip.start_s + LONGEST_S)
    return Span(clip.start_s, end_s)
