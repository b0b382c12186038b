"""How long the picture lasts, exactly, and whether its rate is constant: from packets alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from av.stream import Discard

from vtacli.errors import MediaError
from vtacli.media.container import Container, Stream

MISSING_SHARE = Fraction(2, 100)
MISSING_S = Fraction(1, 2)
"""A film that lacks more than both of these against what its header promises is truncated."""

HEAD_PACKETS = 64


@dataclass(frozen=True)
class Extent:
    """``start_s`` is on the container's clock; see :class:`vtacli.media.probe.Footage`."""

    start_s: Fraction
    duration_s: Fraction
    rate: Fraction
    variable: bool
    frames: int


def picture_extent(container: Container, stream: Stream, path: Path) -> Extent:
    """Measure one video stream. Leaves the container somewhere in the middle.

    MP4 and MOV carry a full index, so that its first and last packets are enough; any other
    container is walked once, packet by packet, without decoding.

    Raises MediaError where there is no picture in the stream or where the film is truncated.
    """
    container.seek(0)
    discards = {s.index: s.discard for s in container.streams}
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all
    try:
        if container.format.name.startswith("mov,"):
            return _from_index(container, stream, path)
        return _from_walk(container, stream, path)
    finally:
        for other in container.streams:
            other.discard = discards[other.index]


def _from_index(container: Container, stream: Stream, path: Path) -> Extent:
    entries = [(e.timestamp, e.pos, e.size) for e in stream.index_entries if not e.is_discard]
    size = path.stat().st_size
    present = [e for e in entries if e[1] + e[2] <= size]
    if len(present) < len(entries):
        _truncated(Fraction(len(present), len(entries)), path)
    if not entries:  # fragmented MP4 without an index of its fragments
        return _from_walk(container, stream, path)
    head = []
    for packet in _packets(container, stream):
        head.append(packet)
        if len(head) == HEAD_PACKETS:
            break
    tail: list[Any] = []
    if len(head) == HEAD_PACKETS:
        container.seek(entries[-1][0], stream=stream)
        tail = list(_packets(container, stream))
    steps = np.diff(np.array([t for t, _, _ in entries], np.int64))
    return _extent(stream, head + tail, len(entries), steps, path)


def _from_walk(container: Container, stream: Stream, path: Path) -> Extent:
    first: list[Any] = []
    last: list[Any] = []
    times: list[int] = []
    for packet in _packets(container, stream):
        (first if len(first) < HEAD_PACKETS else last).append(packet)
        times.append(packet[0])
        del last[: -4 * HEAD_PACKETS]
    steps = np.diff(np.sort(np.array(times, np.int64)))
    extent = _extent(stream, first + last, len(times), steps, path)
    promised = _promised_s(container, stream)
    if promised is not None:
        end = extent.start_s + extent.duration_s
        if promised - end > max(MISSING_S, MISSING_SHARE * promised):
            _truncated(end / promised, path)
    return extent


_Packet = tuple[int, int]
"""Presentation time and duration in the stream's time base."""


def _packets(container: Container, stream: Stream) -> Iterator[_Packet]:
    for packet in container.demux(stream):
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is not None and packet.size and not packet.is_discard:
            # AVI gives every packet the duration 1, whatever its clock counts in.
            yield stamp, (packet.duration or 0) if container.format.name != "avi" else 0


def _extent(stream: Stream, packets: list[_Packet], count: int, steps: Any, path: Path) -> Extent:
    if not packets:
        raise MediaError("The film holds no pictures.", path=path, hint="Copy or export it again.")
    start = min(p[0] for p in packets)
    rate = _nominal_rate(stream)
    last, duration = max((p[0], p[1]) for p in packets)
    base = Fraction(stream.time_base)
    end_s = max((p[0] + p[1]) * base for p in packets)
    if not duration:
        step_s = int(np.median(steps)) * base if len(steps) else 1 / (rate or Fraction(25))
        end_s = max(end_s, last * base + step_s)
    duration_s = end_s - start * base
    if duration_s <= 0:
        raise MediaError("The film has no length.", path=path, hint="Copy or export it again.")
    variable = _is_variable(steps)
    mean = count / duration_s
    if variable or rate is None or abs(rate - mean) > mean / 50:
        rate = mean
    return Extent(start * base, duration_s, rate, variable, count)


def _is_variable(steps: Any) -> bool:
    """Whether steps differ by more than a rounding of the clock, the last two left out: files
    often end with a step of another length."""
    steps = steps[:-2] if len(steps) > 4 else steps
    if not len(steps):
        return False
    return int(steps.max() - steps.min()) > max(2, 0.01 * float(np.median(steps)))


def _nominal_rate(stream: Stream) -> Fraction | None:
    for rate in (stream.guessed_rate, stream.average_rate):
        if rate and rate > 0:
            return Fraction(rate)
    return None


def _promised_s(container: Container, stream: Stream) -> Fraction | None:
    """The end of the picture that a Matroska or MXF header speaks of."""
    for key, value in stream.metadata.items():
        if key.upper().startswith("DURATION"):
            hours, minutes, seconds = value.split(":")
            return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds)
    return stream.duration * Fraction(stream.time_base) if stream.duration else None


def _truncated(share: Fraction, path: Path) -> None:
    raise MediaError(
        f"The film is truncated: {float(share):.0%} of its picture is in the file.",
        path=path,
        hint="Copy or export it again.",
    )
