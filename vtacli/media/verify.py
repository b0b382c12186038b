"""Reads a written film back and holds it against the film that it came from."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av

from vtacli.errors import CheckFailed
from vtacli.media.container import open_film
from vtacli.media.fingerprint import fingerprints
from vtacli.media.probe import Footage, probe
from vtacli.media.sameness import Half, allowed_s, moved_s, same_content, same_length
from vtacli.media.streams import StreamPlan

PADDING_S = 0.05
"""The most that codecs which cannot say their length may add."""


def verify_film(footage: Footage, plan: StreamPlan, lengths: Sequence[int], path: Path) -> None:
    """Raise CheckFailed, naming the first difference, unless ``path`` is what was planned.

    ``lengths``: the samples of each new track, at 48 kHz.
    """
    written = probe(path)
    order = [k.info.index for k in plan.kept]
    new = range(plan.position, plan.position + len(lengths))
    expected = len(plan.kept) + len(lengths)
    found = [s for s in written.streams if s.kind != "data"]
    if len(found) != expected:
        raise _difference(f"{expected} streams were to be written, {len(found)} are there", path)
    places = [i for i in range(expected) if i not in new]
    before, after = fingerprints(footage.path), fingerprints(path)
    for source, place in zip(order, places, strict=True):
        kept = next(k for k in plan.kept if k.info.index == source)
        if kept.info.kind in ("attachment", "subtitle") and not kept.copied:
            continue
        if source not in before:
            continue
        index = found[place].index
        if index not in after:
            raise _difference(f"stream {source} was not copied bit for bit", path)
        _same_stream(
            Half(footage, source, before[source]), Half(written, index, after[index]), path
        )
    tick = max(before[footage.picture].time_base, after[written.picture].time_base)
    if not same_length(footage, written, tick):
        raise _difference(
            f"the picture lasts {float(written.duration_s):.6f} s instead of "
            f"{float(footage.duration_s):.6f} s",
            path,
        )
    if written.rotation != footage.rotation:
        raise _difference(f"the picture is turned by {written.rotation}°", path)
    if footage.start_timecode and written.start_timecode != footage.start_timecode:
        label = written.start_timecode.text if written.start_timecode else "no timecode"
        raise _difference(
            f"the film starts at {label} instead of {footage.start_timecode.text}", path
        )
    for place, length in zip(new, lengths, strict=True):
        _right_length(found[place].index, length, plan.exact, written, path)


def _same_stream(before: Half, after: Half, path: Path) -> None:
    if same_content(before, after) is None:
        raise _difference(f"stream {before.index} was not copied bit for bit", path)
    if moved_s(before, after) > allowed_s(before, after):
        raise _difference(f"stream {before.index} moved against the picture", path)


def _right_length(stream: int, length: int, exact: bool, written: Footage, path: Path) -> None:
    samples, start_s, rate = _decoded(path, stream)
    late = abs(start_s - written.start_s)
    if late > Fraction(3, 2000):
        raise _difference(f"the new track starts {float(late):.4f} s off the picture", path)
    over = samples - length
    if over if exact else not 0 <= over <= PADDING_S * rate:
        raise _difference(f"the new track has {samples} samples instead of {length}", path)


def _decoded(path: Path, stream: int) -> tuple[int, Fraction, int]:
    """(samples, time of the first one, rate) of an audio stream."""
    samples, start = 0, None
    with open_film(path, only=stream) as container:
        sound = container.streams[stream]
        try:
            for frame in container.decode(sound):
                if start is None and frame.pts is not None:
                    start = frame.pts * Fraction(frame.time_base)
                samples += frame.samples
        except av.error.InvalidDataError as error:
            raise _difference("the new track cannot be decoded", path) from error
        return samples, start or Fraction(0), sound.codec_context.sample_rate


def _difference(what: str, path: Path) -> CheckFailed:
    return CheckFailed(
        f"The written film is not as it should be and was thrown away: {what}.",
        path=path.parent,
        hint="The film itself is untouched. Try another container.",
    )
