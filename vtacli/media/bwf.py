"""Broadcast Wave files, streamed out: WAVE with ``bext`` and ``iXML``, RF64 past 4 GiB.

Sources: EBU Tech 3285 (BWF), EBU Tech 3306 (RF64), the iXML specification 3.01. The length is
known before the first sample, so that all sizes are right from the start; loudness is measured
while writing and put in its place at the end.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from vtacli.errors import StorageError
from vtacli.media.bext import LOUDNESS_AT, Bext, bext_chunk, loudness_values
from vtacli.media.ixml import Ixml, ixml_chunk
from vtacli.media.samples import BITS, SampleWriter
from vtacli.media.staging import Staging
from vtacli.signal.layouts import speakers
from vtacli.signal.media import Audio
from vtacli.signal.programme import Loudness, LoudnessMeter

__all__ = ["BITS", "Bext", "BwfWriter", "Ixml", "Written", "write_bwf"]

RIFF_LIMIT_BYTES = 0xFFFF_FFFF
"""The largest size that RIFF's 32 bits can say."""
_FROM_DS64 = 0xFFFF_FFFF
_RIFF_END, _DS64_END = 12, 12 + 8 + 28
"""Where the first chunk, ``bext``, begins: in RIFF, and behind the ``ds64`` of RF64."""
_MASK = {
    name: 1 << bit
    for bit, name in enumerate(
        ("FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR")
    )
}
"""Microsoft's loudspeaker positions, whose order is that of ffmpeg's layouts too."""
_SUBFORMAT_TAIL = bytes.fromhex("000000001000800000aa00389b71")


@dataclass(frozen=True)
class Written:
    """A file that was written. ``length``: samples; ``loudness``: of what is in it."""

    path: Path
    length: int
    loudness: Loudness


class BwfWriter:
    """One file, block by block, written under the name that it is given: see
    :class:`vtacli.media.staging.Staging` for one that is whole or not there.

    ``layout``: ffmpeg's name of it, "" for the usual one. ``limit_bytes``: the size from which on
    the file is RF64. Raises StorageError where the disk is full, CheckFailed from :meth:`finish`
    where whole numbers clip, ValueError where the blocks are not what was announced.
    """

    def __init__(
        self,
        path: Path,
        *,
        rate_hz: int,
        channels: int,
        length: int,
        bits: str,
        bext: Bext,
        ixml: Ixml,
        layout: str = "",
        seed: int = 0,
        limit_bytes: int = RIFF_LIMIT_BYTES,
    ) -> None:
        self._path = path
        self._rate, self._channels, self._length = rate_hz, channels, length
        self._samples = SampleWriter(bits, channels, seed)
        self._meter = LoudnessMeter(rate_hz, channels, layout)
        self._written = 0
        self._data_bytes = length * self._samples.frame_bytes
        chunks = [
            (b"bext", bext_chunk(bext)),
            (b"fmt ", _fmt(rate_hz, channels, bits, layout)),
            (b"iXML", ixml_chunk(ixml, rate_hz, bits, bext.time_reference)),
        ]
        if bits == "32f":
            chunks.insert(2, (b"fact", struct.pack("<I", min(length, _FROM_DS64))))
        head, self._rf64 = _header(chunks, self._data_bytes, length, limit_bytes)
        self._loudness_at = (_DS64_END if self._rf64 else _RIFF_END) + 8 + LOUDNESS_AT
        try:
            self._file = path.open("wb")  # closed by finish() or close()
        except OSError as error:
            raise _failed(path, error) from error
        self._put(head)

    @property
    def rf64(self) -> bool:
        """Whether the file is RF64."""
        return self._rf64

    def add(self, audio: Audio) -> None:
        """The next samples, (C, N)."""
        if (audio.rate_hz, audio.channels) != (self._rate, self._channels):
            raise ValueError(
                f"the file is {self._channels} channels at {self._rate} Hz, "
                f"got {audio.channels} at {audio.rate_hz}"
            )
        self._written += len(audio)
        if self._written > self._length:
            raise ValueError(f"{self._length} samples were announced, got {self._written} or more")
        self._put(self._samples.bytes_of(audio.data))
        self._meter.add(audio.data)

    def finish(self) -> Written:
        """Put the loudness in its place and close the file."""
        if self._written != self._length:
            raise ValueError(f"{self._length} samples were announced, got {self._written}")
        self._samples.check()
        loudness = self._meter.result()
        if self._data_bytes % 2:
            self._put(b"\0")
        try:
            self._file.seek(self._loudness_at)
            self._put(loudness_values(loudness))
            self._file.close()
        except OSError as error:
            raise _failed(self._path, error) from error
        return Written(self._path, self._length, loudness)

    def close(self) -> None:
        """Give the file up, finished or not. What is in it stays as it is."""
        try:
            self._file.close()
        except OSError:
            return  # a full disk says so once more

    def __enter__(self) -> BwfWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _put(self, data: bytes) -> None:
        try:
            self._file.write(data)
        except OSError as error:
            raise _failed(self._path, error) from error


def write_bwf(
    path: Path,
    blocks: Iterable[Audio],
    *,
    rate_hz: int,
    channels: int,
    length: int,
    bits: str,
    bext: Bext,
    ixml: Ixml,
    layout: str = "",
    seed: int = 0,
    overwrite: bool = False,
    limit_bytes: int = RIFF_LIMIT_BYTES,
) -> Written:
    """Write ``length`` samples to a Broadcast Wave that is whole or not there.

    ``bits``: 16 (with dither of ``seed``), 24 or 32f. Raises as :class:`BwfWriter` does, and
    OutputError where ``path`` may not be written.
    """
    with (
        Staging(overwrite) as staging,
        BwfWriter(
            staging.part(path),
            rate_hz=rate_hz,
            channels=channels,
            length=length,
            bits=bits,
            bext=bext,
            ixml=ixml,
            layout=layout,
            seed=seed,
            limit_bytes=limit_bytes,
        ) as writer,
    ):
        for block in blocks:
            writer.add(block)
        written = writer.finish()
    return Written(Path(path), written.length, written.loudness)


def _header(
    chunks: list[tuple[bytes, bytes]], data_bytes: int, length: int, limit_bytes: int
) -> tuple[bytes, bool]:
    """Everything before the first sample, and whether it is RF64."""
    body = b"".join(
        name + struct.pack("<I", len(data)) + data + b"\0" * (len(data) % 2)
        for name, data in chunks
    )
    riff_bytes = 4 + len(body) + 8 + data_bytes + data_bytes % 2
    if riff_bytes <= limit_bytes:
        head = b"RIFF" + struct.pack("<I", riff_bytes) + b"WAVE"
        return head + body + b"data" + struct.pack("<I", data_bytes), False
    sizes = struct.pack("<QQQI", riff_bytes + _DS64_END - _RIFF_END, data_bytes, length, 0)
    head = b"RF64" + struct.pack("<I", _FROM_DS64) + b"WAVE"
    head += b"ds64" + struct.pack("<I", len(sizes)) + sizes
    return head + body + b"data" + struct.pack("<I", _FROM_DS64), True


def _fmt(rate_hz: int, channels: int, bits: str, layout: str) -> bytes:
    """``fmt``: the plain form for one and two channels, which every reader knows; with
    loudspeakers (WAVE_FORMAT_EXTENSIBLE) for more."""
    kind, width = (3, 32) if bits == "32f" else (1, int(bits))
    frame = channels * width // 8
    rates = (rate_hz, rate_hz * frame, frame, width)
    if channels <= 2:
        return struct.pack("<HHIIHH", kind, channels, *rates) + (b"\0\0" if kind == 3 else b"")
    mask = sum(_MASK.get(name, 0) for name in speakers(layout, channels))
    return (
        struct.pack("<HHIIHH", 0xFFFE, channels, *rates)
        + struct.pack("<HHIH", 22, width, mask, kind)
        + _SUBFORMAT_TAIL
    )


def _failed(path: Path, error: OSError) -> StorageError:
    return StorageError(
        f"Writing sound failed: {(error.strerror or str(error)).lower()}.",
        path=path.parent,
        hint="Is the disk full? Free some space, or write elsewhere.",
    )
