"""From files to what is compared: a film's picture, and its sound or one that was made for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.films.material import Seen
from vtacli.evaluation.folder import SUFFIX
from vtacli.evaluation.hits import drawn
from vtacli.media.audio import OriginalSound
from vtacli.media.flow import flow_of
from vtacli.media.probe import Footage, probe
from vtacli.media.sound import sound_track
from vtacli.media.video import analyse
from vtacli.signal.av_peaks import own_video_peaks
from vtacli.signal.media import Audio
from vtacli.signal.resample import resampled
from vtacli.timeline import samples_at

RATE_HZ = 48_000


def see(footage: Footage, until_s: Fraction, *, flow_side_px: int | None) -> Seen:
    """A film's picture up to a time. ``flow_side_px``: pictures whose shorter side is longer are
    made smaller before their flow is taken; 0 leaves them, None takes no flow.

    Raises MediaError where the film cannot be decoded.
    """
    found = analyse(footage, frames_per_second=None)
    motion = found.motion.between(0.0, float(until_s))
    flow = None
    if flow_side_px is not None:
        flow = flow_of(footage, until_s, shorter_side_px=flow_side_px or None)
    return Seen(
        duration_s=float(until_s),
        frame_rate=float(footage.frame_rate),
        strikes_s=own_video_peaks(motion),
        flow_px=flow,
        motion=tuple((t, e) for t, e, _ in drawn(motion)),
        cuts_s=tuple(float(c) for c in found.cuts_s if c < until_s),
    )


def seen_arrays(seen: Seen) -> dict[str, NDArray[Any]]:
    """To be kept in a file."""
    arrays = {
        "facts": np.array([seen.duration_s, seen.frame_rate]),
        "strikes_s": seen.strikes_s,
        "motion": np.array(seen.motion, np.float64).reshape(-1, 2),
        "cuts_s": np.array(seen.cuts_s, np.float64),
    }
    return arrays if seen.flow_px is None else {**arrays, "flow_px": seen.flow_px}


def seen_of(arrays: dict[str, NDArray[Any]]) -> Seen:
    """What :func:`seen_arrays` gave."""
    return Seen(
        duration_s=float(arrays["facts"][0]),
        frame_rate=float(arrays["facts"][1]),
        strikes_s=arrays["strikes_s"],
        flow_px=arrays.get("flow_px"),
        motion=tuple((float(t), float(e)) for t, e in arrays["motion"]),
        cuts_s=tuple(float(c) for c in arrays["cuts_s"]),
    )


def own_sound(footage: Footage, until_s: Fraction) -> Audio | None:
    """The film's own sound, on the picture's clock, cut; None where it has none."""
    if not footage.audio:
        return None
    return _cut(OriginalSound(footage, rate_hz=RATE_HZ).blocks(), until_s)


def made_sound(path: Path, until_s: Fraction) -> tuple[Audio, float]:
    """The sound of a file that was made, cut or filled up with silence; and how long it was, in s.

    Of a film the sound counts from the picture on, as that of the true one. Raises MediaError.
    """
    if path.suffix.lower() in SUFFIX:
        footage = probe(path)
        found = own_sound(footage, footage.duration_s)
        if found is not None:
            return _cut([found], until_s), found.duration_s
    whole = list(resampled(sound_track(path).blocks(), RATE_HZ))
    seconds = sum(len(b) for b in whole) / RATE_HZ
    return _cut(whole, until_s), seconds


def _cut(blocks: Iterable[Audio], until_s: Fraction) -> Audio:
    length = samples_at(until_s, RATE_HZ)
    parts: list[NDArray[np.float32]] = []
    done = 0
    for block in blocks:
        parts.append(block.data[:, : length - done])
        done += parts[-1].shape[1]
        if done >= length:
            break
    channels = parts[0].shape[0] if parts else 1
    parts.append(np.zeros((channels, length - done), np.float32))
    return Audio(np.concatenate(parts, axis=1), RATE_HZ)


def kept(path: Path, make: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """The arrays of an ``.npz`` file, made and written now where it is not there or is broken."""
    try:
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, KeyError, BadZipFile):
        arrays = make()
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.part")
    with partial.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    partial.replace(path)
    return arrays
