"""The sound of any file as it is: a sound file, or a film's track at its own rate and length."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np

from vtacli.errors import MediaError
from vtacli.media.container import Stream, open_film
from vtacli.media.recording import SOUND_FORMATS
from vtacli.progress import Note, Report, ignore
from vtacli.signal.media import Audio


@dataclass(frozen=True)
class SoundTrack:
    """One audio stream of a file. ``layout``: ffmpeg's name. ``seconds``: what the header says,
    0 where it says nothing. ``others``: how many more audio streams the file has."""

    path: Path
    index: int
    codec: str
    channels: int
    layout: str
    rate_hz: int
    language: str = ""
    title: str = ""
    seconds: float = 0.0
    others: int = 0

    def to_dict(self) -> dict[str, Any]:
        facts = asdict(self)
        return {"file": str(facts.pop("path")), "stream": facts.pop("index"), **facts}

    def blocks(self, report: Report = ignore) -> Iterator[Audio]:
        """(channels, N) float32 from the first sample to the last, as they are decoded.

        Damaged packets are left out and reported as a warning. Raises MediaError where reading
        fails, where nothing can be decoded, and where samples are no numbers.
        """
        damaged = samples = 0
        with open_film(self.path, only=self.index, formats=SOUND_FORMATS) as container:
            stream = container.streams[self.index]
            stream.thread_type = "AUTO"
            planar = av.AudioResampler(format="fltp", layout=stream.layout, rate=self.rate_hz)
            for packet in container.demux(stream):
                try:
                    frames = packet.decode()
                except av.error.InvalidDataError:
                    damaged += 1
                    continue
                for frame in frames:
                    for part in planar.resample(frame):
                        data = part.to_ndarray().astype(np.float32, copy=False)
                        if not np.isfinite(data).all():
                            raise MediaError(
                                f"Stream {self.index} holds samples that are no numbers, "
                                f"{samples / self.rate_hz:.1f} s from its start.",
                                path=self.path,
                                hint="Export the sound again.",
                            )
                        samples += data.shape[1]
                        yield Audio(data, self.rate_hz)
        if not samples:
            raise MediaError("No sound could be decoded.", path=self.path, hint="Export it again.")
        if damaged:
            report(Note(f"Damaged packets of the sound passed over: {damaged}.", "warning"))


def sound_track(path: Path | str, stream: int | None = None) -> SoundTrack:
    """The audio stream of that index; None is the one marked default, or the first.

    Raises MediaError where the file cannot be read or has no such sound.
    """
    with open_film(path, formats=SOUND_FORMATS) as container:
        found = [s for s in container.streams.audio if s.channels and s.rate]
        chosen = [s for s in found if stream is None or s.index == stream]
        if not chosen:
            known = ", ".join(str(s.index) for s in found)
            what = "no sound" if stream is None else f"no sound in stream {stream}"
            raise MediaError(
                f"The file has {what} that can be read.",
                path=Path(path),
                hint=f"Its sound is in stream {known}." if known else "Give a file with sound.",
            )
        best = next((s for s in chosen if s.disposition & s.disposition.default), chosen[0])
        return SoundTrack(
            path=Path(path),
            index=best.index,
            codec=best.codec_context.name,
            channels=best.channels,
            layout=best.layout.name,
            rate_hz=best.rate,
            language=best.metadata.get("language", ""),
            title=best.metadata.get("title", ""),
            seconds=_seconds(best, container.duration),
            others=len(found) - 1,
        )


def _seconds(stream: Stream, whole: int | None) -> float:
    if stream.duration:
        return float(stream.duration * Fraction(stream.time_base))
    return (whole or 0) / 1e6
