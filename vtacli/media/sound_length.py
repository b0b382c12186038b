"""How long uncompressed sound in a film is, to the sample, and whether MXF can hold it."""

from __future__ import annotations

from pathlib import Path

from vtacli.media.container import open_film
from vtacli.media.probe import Footage, StreamInfo
from vtacli.timeline import samples_at


def pcm_samples(path: Path, stream: int) -> int:
    """Samples of each channel of a PCM stream. Its packets are read, none is decoded.

    Raises MediaError where the film cannot be read.
    """
    with open_film(path, only=stream) as film:
        sound = film.streams[stream]
        context = sound.codec_context
        width: int = context.channels * _bytes(context.name)
        size: int = sum(packet.size for packet in film.demux(sound))
        return size // width


def fits_mxf(footage: Footage, stream: StreamInfo) -> bool:
    """Whether a PCM stream has 48 kHz and begins and ends with the picture, to the sample.

    MXF lays pictures and sound side by side, edit unit by edit unit: longer sound is cut off, and
    with shorter sound ffmpeg cuts off the picture.
    """
    if stream.rate_hz != 48_000:
        return False
    late = abs(stream.start_s - footage.start_s) * stream.rate_hz
    length = samples_at(footage.duration_s, stream.rate_hz)
    return late < 1 and pcm_samples(footage.path, stream.index) == length


def _bytes(codec: str) -> int:
    """Of one sample: ``pcm_s24le`` has 3."""
    return int("".join(c for c in codec.removeprefix("pcm_") if c.isdigit())) // 8
