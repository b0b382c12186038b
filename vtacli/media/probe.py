"""What a film is: its exact length, rate, shape, timecode and streams. Nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from vtacli.errors import MediaError
from vtacli.media.container import Container, Stream, open_film, prepare_decoder
from vtacli.media.door import MAX_DURATION_S, check_picture_size
from vtacli.media.extent import Extent, picture_extent

DAMAGED_AT_START = 250
"""So many damaged packets before the first picture are more than a damaged beginning."""


@dataclass(frozen=True)
class StartTimecode:
    """The timecode of the first picture, as written: ``HH:MM:SS:FF``, ``;`` before the frames
    where it is drop-frame."""

    text: str

    @property
    def drop_frame(self) -> bool:
        return ";" in self.text or "." in self.text


@dataclass(frozen=True)
class StreamInfo:
    """One stream. ``kind`` is video, audio, subtitle, data or attachment.

    ``codec`` is ffmpeg's name or, where it has none, the container's four-letter tag.
    ``start_s``: its first presentation time in the container. The audio fields are 0 and ""
    for other kinds. ``disposition``: the names of those that are set.
    """

    index: int
    kind: str
    codec: str
    language: str = ""
    title: str = ""
    start_s: Fraction = Fraction(0)
    channels: int = 0
    layout: str = ""
    rate_hz: int = 0
    disposition: tuple[str, ...] = ()

    @property
    def attached_picture(self) -> bool:
        return "attached_pic" in self.disposition


@dataclass(frozen=True)
class Footage:
    """A film as found. All times in seconds.

    ``duration_s``: from the first presentation time of the picture to the end of the last
    picture shown: the largest presentation time plus duration, less the smallest presentation
    time. It is right for variable rates and for films that do not start at zero.
    ``start_s``: the picture's first presentation time on the container's own clock.
    ``frame_rate``: the nominal rate, or the mean one where ``variable_rate``.
    ``width``, ``height``: as stored, before ``sample_aspect`` and ``rotation``.
    ``rotation``: degrees clockwise (0, 90, 180 or 270) by which players turn the picture.
    """

    path: Path
    container: str
    duration_s: Fraction
    start_s: Fraction
    frame_rate: Fraction
    variable_rate: bool
    frames: int
    picture: int
    width: int
    height: int
    rotation: int
    sample_aspect: Fraction
    pixel_format: str
    bit_depth: int
    colour: dict[str, str]
    start_timecode: StartTimecode | None
    chapters: int
    container_start_s: Fraction
    streams: tuple[StreamInfo, ...]

    @property
    def audio(self) -> tuple[StreamInfo, ...]:
        return tuple(s for s in self.streams if s.kind == "audio")

    @property
    def display_size(self) -> tuple[int, int]:
        """(width, height) as a player shows it: square pixels, upright."""
        width = round(self.width * self.sample_aspect)
        return (self.height, width) if self.rotation in (90, 270) else (width, self.height)


def probe(path: Path | str) -> Footage:
    """Read a film's headers, and as many packets as its exact length needs.

    Raises MediaError for whatever is no film with a picture and a length.
    """
    with open_film(path) as container:
        file = _path_of(container)
        stream = _picture(container, file)
        context = stream.codec_context
        check_picture_size(context.width, context.height, file)
        streams = tuple(_stream_info(s) for s in container.streams)
        rotation = _rotation(container, stream, file)
        extent = picture_extent(container, stream, file)
        _check_duration(extent, file)
        return Footage(
            path=file,
            container=container.format.name,
            duration_s=extent.duration_s,
            start_s=extent.start_s,
            frame_rate=extent.rate,
            variable_rate=extent.variable,
            frames=extent.frames,
            picture=stream.index,
            width=context.width,
            height=context.height,
            rotation=rotation,
            # the container's word counts, as it does for players, before the codec's
            sample_aspect=Fraction(stream.sample_aspect_ratio or context.sample_aspect_ratio or 1),
            pixel_format=context.pix_fmt or "",
            bit_depth=context.format.components[0].bits if context.format else 8,
            colour=_colour(context),
            start_timecode=_start_timecode(container, stream),
            chapters=len(container.chapters()),
            container_start_s=Fraction(container.start_time or 0, 1_000_000),
            streams=streams,
        )


def _path_of(container: Container) -> Path:
    return Path(str(container.name).removeprefix("file:"))


def _picture(container: Container, path: Path) -> Stream:
    """The first video stream marked default, or the first: never a cover picture."""
    found = [s for s in container.streams.video if "attached_pic" not in _dispositions(s)]
    if not found:
        kinds = "sound only" if container.streams.audio else "no picture and no sound"
        raise MediaError(f"The file has {kinds}.", path=path, hint="Give a film with a picture.")
    chosen = next((s for s in found if "default" in _dispositions(s)), found[0])
    if not chosen.codec_context or not chosen.codec_context.width:
        raise MediaError(
            "The picture's codec is not known, or no picture could be read.",
            path=path,
            hint="Export the film again, as H.264 for example.",
        )
    return chosen


def _rotation(container: Container, stream: Stream, path: Path) -> int:
    """Degrees clockwise. PyAV shows the display matrix on decoded pictures only, so one is
    decoded: this also tells whether the picture can be decoded at all."""
    prepare_decoder(stream)
    tried = 0
    for packet in container.demux(stream):
        try:
            for frame in packet.decode():
                return int(round(-frame.rotation / 90) % 4 * 90)
        except av.error.InvalidDataError:
            tried += 1
            if tried > DAMAGED_AT_START:
                break
    raise MediaError(
        f"No picture could be decoded from its {stream.codec_context.name} stream.",
        path=path,
        hint="Copy or export the film again.",
    )


def _check_duration(extent: Extent, path: Path) -> None:
    if extent.duration_s > MAX_DURATION_S:
        raise MediaError(
            f"The film says it lasts {float(extent.duration_s) / 3600:.1f} hours; more than "
            f"{MAX_DURATION_S // 3600} is refused, because its header is probably broken.",
            path=path,
            hint="Export it again, or cut it in parts.",
        )


def _dispositions(stream: Stream) -> tuple[str, ...]:
    return tuple(flag.name for flag in type(stream.disposition) if flag & stream.disposition)


def _stream_info(stream: Stream) -> StreamInfo:
    context = getattr(stream, "codec_context", None)
    codec = getattr(context, "name", None) or _tag(stream)
    sound = stream.type == "audio"
    start = stream.start_time
    return StreamInfo(
        index=stream.index,
        kind=stream.type,
        codec=codec,
        language=stream.metadata.get("language", ""),
        # QuickTime and MP4 call it a track's name
        title=stream.metadata.get("title") or stream.metadata.get("name") or "",
        start_s=start * stream.time_base if start is not None else Fraction(0),
        channels=context.channels if sound and context else 0,
        layout=context.layout.name if sound and context else "",
        rate_hz=context.sample_rate if sound and context else 0,
        disposition=_dispositions(stream),
    )


def _tag(stream: Stream) -> str:
    """What a stream without a codec is: PyAV does not give the four-letter tag, but a timecode
    track is known by its metadata, and the others have a descriptor or a handler."""
    if "timecode" in stream.metadata:
        return "tmcd"
    return str(getattr(stream, "name", "") or stream.metadata.get("handler_name") or "unknown")


def _colour(context: Stream) -> dict[str, str]:
    """Primaries, transfer, matrix and range by the names of ITU-T H.273 where PyAV knows them."""
    from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

    found = {}
    for name, value, kind in (
        ("primaries", context.color_primaries, ColorPrimaries),
        ("transfer", context.color_trc, ColorTrc),
        ("matrix", context.colorspace, Colorspace),
        ("range", context.color_range, ColorRange),
    ):
        try:
            label = kind(int(value)).name.lower()
        except ValueError:
            label = str(int(value))
        if label not in ("unspecified", "0", "2"):
            found[name] = {"mpeg": "limited", "jpeg": "full"}.get(label, label)
    return found


def _start_timecode(container: Container, picture: Stream) -> StartTimecode | None:
    """From the picture's own tag, a timecode track's (tmcd), or the container's (MXF, Matroska)."""
    for tags in (picture.metadata, *(s.metadata for s in container.streams), container.metadata):
        for key, value in tags.items():
            if key.lower() == "timecode" and value:
                return StartTimecode(value)
    return None
