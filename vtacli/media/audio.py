"""A film's own sound, streamed on the picture's clock; and WAV files, streamed out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

from vtacli.errors import MediaError, StorageError
from vtacli.media.container import open_film
from vtacli.media.probe import Footage, StreamInfo
from vtacli.progress import Note, Report, ignore
from vtacli.signal.media import Audio
from vtacli.signal.resample import resampled
from vtacli.timeline import samples_at

RATE_HZ = 48_000
WAV_LIMIT_BYTES = 4_000_000_000
GAP_S = 0.02
"""Presentation times that stray less than this from the count of samples are clocks that round
(Matroska counts whole milliseconds); more is a gap, or an overlap."""


class OriginalSound:
    """One track of a film as blocks of :class:`Audio`, on the picture's clock.

    Sample 0 is at the picture's first presentation time. A track that starts later begins with
    silence, one that starts earlier loses what was before; encoder priming is not heard; gaps in
    the presentation times are silence. :meth:`blocks` gives exactly :attr:`length` samples.

    ``stream``: the index of an audio stream; None for the one marked default, or the first.
    Raises MediaError where the film has no such stream.
    """

    def __init__(self, footage: Footage, stream: int | None = None, rate_hz: int = RATE_HZ):
        self.info = _choose(footage, stream)
        self.rate_hz = rate_hz
        self.length = samples_at(footage.duration_s, rate_hz)
        self._footage = footage

    @property
    def channels(self) -> int:
        return self.info.channels

    @property
    def layout(self) -> str:
        """FFmpeg's name of the channel layout, ``stereo`` or ``5.1`` for example."""
        return self.info.layout

    def blocks(self, block_samples: int = RATE_HZ, report: Report = ignore) -> Iterator[Audio]:
        """The sound from beginning to end, (channels, ``block_samples``) at a time, the last
        block shorter. Each call reads the film anew. Damaged packets are silence and are
        reported as a warning."""
        native = samples_at(self._footage.duration_s, self.info.rate_hz)
        placed = self._placed(native, report)
        yield from _regrouped(resampled(placed, self.rate_hz, self.length), block_samples)

    def _placed(self, length: int, report: Report) -> Iterator[Audio]:
        """The track at its own rate, ``length`` samples from the picture's start on."""
        rate, channels = self.info.rate_hz, self.channels
        done = 0
        for start, data in self._decoded(report):
            if abs(start - done) > GAP_S * rate or not done:
                if start > done:
                    silence = min(start, length) - done
                    yield from _silence(channels, silence, rate)
                    done += silence
                else:
                    data = data[:, done - start :]
            data = data[:, : length - done]
            if data.shape[1]:
                done += data.shape[1]
                yield Audio(data, rate)
            if done >= length:
                return
        yield from _silence(channels, length - done, rate)

    def _decoded(self, report: Report) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """(index of the first sample on the picture's clock, (C, N) float32)."""
        rate, damaged, expected = self.info.rate_hz, 0, 0
        with open_film(self._footage.path, only=self.info.index) as container:
            stream = container.streams[self.info.index]
            stream.thread_type = "AUTO"
            planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=rate)
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    damaged += 1
                    continue
                for frame in frames:
                    if frame.pts is not None:
                        time_s = frame.pts * Fraction(frame.time_base) - self._footage.start_s
                        expected = _nearest(time_s * rate)
                    for part in planar.resample(frame):
                        data = part.to_ndarray().astype(np.float32, copy=False)
                        yield expected, data
                        expected += data.shape[1]
        if damaged:
            report(Note(f"Damaged packets of the sound passed over: {damaged}.", "warning"))


def write_wav(
    path: Path,
    blocks: Iterable[Audio],
    *,
    rate_hz: int,
    channels: int,
    length: int,
    subtype: str = "PCM_24",
) -> None:
    """Write blocks, ``length`` samples in all, to a WAV file, streamed.

    ``subtype``: soundfile's name, ``PCM_24`` or ``FLOAT``. Values beyond full scale are clipped
    in PCM. RF64 where the file would pass 4 GiB. Raises StorageError where the disk is full,
    ValueError where the blocks are not what was announced.
    """
    width = 3 if subtype == "PCM_24" else 4
    kind = "RF64" if length * channels * width > WAV_LIMIT_BYTES else "WAV"
    written = 0
    try:
        with soundfile.SoundFile(
            os.fspath(path), "w", rate_hz, channels, subtype, format=kind
        ) as file:
            for block in blocks:
                if (block.rate_hz, block.channels) != (rate_hz, channels):
                    raise ValueError(
                        f"the file is {channels} channels at {rate_hz} Hz, "
                        f"got {block.channels} at {block.rate_hz}"
                    )
                file.write(block.data.T)
                written += len(block)
    except (soundfile.LibsndfileError, OSError) as error:
        raise StorageError(
            f"Writing sound failed: {str(error).rstrip('.')}.",
            path=path,
            hint="Is the disk full? Free some space, or write elsewhere.",
        ) from error
    if written != length:
        raise ValueError(f"{length} samples were announced, got {written}")


def _choose(footage: Footage, index: int | None) -> StreamInfo:
    found = [s for s in footage.audio if index is None or s.index == index]
    usable = [s for s in found if s.channels and s.rate_hz]
    if not usable:
        what = "no sound" if index is None else f"no sound in stream {index}"
        raise MediaError(f"The film has {what} that can be read.", path=footage.path)
    return next((s for s in usable if "default" in s.disposition), usable[0])


def _regrouped(blocks: Iterable[Audio], size: int) -> Iterator[Audio]:
    held: list[NDArray[np.float32]] = []
    count, rate = 0, 0
    for block in blocks:
        held.append(block.data)
        count, rate = count + len(block), block.rate_hz
        if count >= size:
            data = np.concatenate(held, axis=1)
            whole = count - count % size
            for at in range(0, whole, size):
                yield Audio(data[:, at : at + size], rate)
            held, count = [data[:, whole:]], count - whole
    if count:
        yield Audio(np.concatenate(held, axis=1), rate)


def _silence(channels: int, samples: int, rate_hz: int) -> Iterator[Audio]:
    while samples > 0:
        now = min(samples, rate_hz)
        yield Audio(np.zeros((channels, now), np.float32), rate_hz)
        samples -= now


def _nearest(x: Fraction) -> int:
    return (2 * x.numerator + x.denominator) // (2 * x.denominator)
