"""What makes two films carry the same streams: packets by hash, and when they are due."""

from __future__ import annotations

import re
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vtacli.media.container import open_film


@dataclass(frozen=True)
class Fingerprint:
    """One stream's packets, in file order.

    ``sha256``: of all payloads, one after the other. ``times``: (N,) int64, presentation times
    (decoding times where a packet has none) in units of ``time_base``.
    """

    sha256: str
    times: NDArray[np.int64]
    time_base: Fraction

    @property
    def packets(self) -> int:
        return len(self.times)

    def times_s(self) -> NDArray[np.float64]:
        """(N,) float64 seconds."""
        return self.times.astype(np.float64) * float(self.time_base)


def fingerprints(path: Path | str) -> dict[int, Fingerprint]:
    """By stream index, for all streams that have packets, and for attachments, which have none.
    Nothing is decoded.

    Raises MediaError where the file cannot be read.
    """
    with open_film(path) as container:
        count = len(container.streams)
        hashes = [sha256() for _ in range(count)]
        times: list[array[int]] = [array("q") for _ in range(count)]
        for packet in container.demux():
            if not packet.size:
                continue
            index = packet.stream_index
            hashes[index].update(packet)
            due = packet.pts if packet.pts is not None else packet.dts
            times[index].append(due if due is not None else 0)
        attached = {
            s.index: Fingerprint(sha256(s.data).hexdigest(), np.zeros(0, np.int64), Fraction(1))
            for s in container.streams
            if s.type == "attachment" and s.data
        }
        return attached | {
            i: Fingerprint(
                hashes[i].hexdigest(),
                np.array(times[i], np.int64),
                Fraction(container.streams[i].time_base or Fraction(1, 1_000_000)),
            )
            for i in range(count)
            if times[i]
        }


def coded_hash(path: Path | str, stream: int) -> str:
    """SHA-256 of what an H.264, HEVC or AAC stream codes, whatever frames it.

    MPEG-TS and MXF put start codes between the units of a picture, MP4 and Matroska lengths, and
    parameter sets move between packets and header (ISO/IEC 14496-15); AAC has its ADTS header
    (ISO/IEC 13818-7) in MPEG-TS alone. None of this touches a picture or a sound: this hash is
    over the units alone, without parameter sets, delimiters and headers.
    """
    whole = sha256()
    with open_film(path, only=stream) as container:
        coded = container.streams[stream]
        codec = coded.codec_context.name
        header = bytes(coded.codec_context.extradata or b"")
        lengths = header[:1] == b"\1"
        size = (header[21 if codec == "hevc" else 4] & 3) + 1 if lengths else 0
        for packet in container.demux(coded):
            data = bytes(packet)
            if codec == "aac":
                whole.update(_without_adts(data))
                continue
            for unit in _units_by_length(data, size) if lengths else _units_by_code(data):
                kind = (unit[0] >> 1) & 0x3F if codec == "hevc" else unit[0] & 0x1F
                if kind not in (_HEVC_SETS if codec == "hevc" else _H264_SETS):
                    whole.update(unit)
    return whole.hexdigest()


def _without_adts(data: bytes) -> bytes:
    if len(data) < 7 or data[0] != 0xFF or data[1] & 0xF6 != 0xF0:
        return data
    return data[7 if data[1] & 1 else 9 :]


_H264_SETS = {7, 8, 9}
_HEVC_SETS = {32, 33, 34, 35}
_START_CODE = re.compile(rb"\x00\x00\x01")


def _units_by_length(data: bytes, size: int) -> Iterator[bytes]:
    at = 0
    while at + size < len(data):
        length = int.from_bytes(data[at : at + size], "big")
        at += size
        if unit := data[at : at + length].rstrip(b"\0"):
            yield unit
        at += length


def _units_by_code(data: bytes) -> Iterator[bytes]:
    starts = [found.end() for found in _START_CODE.finditer(data)]
    for start, end in pairwise([*starts, len(data) + 3]):
        if unit := data[start : end - 3].rstrip(b"\0"):
            yield unit


def packet_hashes(path: Path | str) -> dict[int, str]:
    """SHA-256 of every stream's packet payloads, by stream index. Equal in two files means: not
    a bit of that stream was changed, whatever the container around it does."""
    return {index: print_.sha256 for index, print_ in fingerprints(path).items()}
