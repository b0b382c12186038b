"""Which streams a container takes: what is copied, converted or lost, known before any work."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vtacli.errors import OutputError, ToolError
from vtacli.media.door import FORMATS, PROTOCOLS, SUFFIXES, url
from vtacli.media.ffmpeg import run_ffmpeg
from vtacli.media.probe import Footage, StreamInfo
from vtacli.media.reordering import is_reordered
from vtacli.media.sound_length import fits_mxf


@dataclass(frozen=True)
class AudioCodec:
    """An encoder of ffmpeg. ``exact``: every decoder gives back as many samples as went in.

    AAC in MP4, and Opus there, carry their padding in an edit list that some decoders ignore:
    the track then sounds up to 25 ms longer than the film (silence).
    """

    arguments: tuple[str, ...]
    exact_in: frozenset[str]


CODECS: dict[str, AudioCodec] = {
    "flac": AudioCodec(("flac", "-sample_fmt", "s32"), frozenset({"mp4", "matroska"})),
    "alac": AudioCodec(("alac", "-sample_fmt", "s32p"), frozenset({"mp4", "mov", "matroska"})),
    "pcm": AudioCodec(("pcm_s24le",), frozenset({"mp4", "mov", "matroska", "mxf"})),
    "opus": AudioCodec(("libopus", "-b:a:{n}", "256k"), frozenset({"matroska", "webm"})),
    "aac": AudioCodec(("aac", "-b:a:{n}", "320k"), frozenset()),
}

NEW_TRACK_CODECS: dict[str, tuple[str, ...]] = {
    "mp4": ("flac", "aac", "alac", "opus", "pcm"),
    "mov": ("pcm", "alac", "aac"),
    "matroska": ("flac", "pcm", "opus", "aac"),
    "webm": ("opus",),
    "mxf": ("pcm",),
}
"""By muxer, the default first: the first that is exact, as sound in a film must be. In MP4 FLAC
plays in browsers, VLC, mpv and on Android; for older Apple and Adobe programs ask for alac or
aac, or write a .mov."""

_COPIED_VIDEO = {"webm": {"vp8", "vp9", "av1"}}
_COPIED_AUDIO = {
    "webm": {"opus", "vorbis"},
    "mxf": {"pcm_s16le", "pcm_s24le"},
}
_REFUSED_AUDIO = {"mov": {"flac", "opus", "vorbis"}}
_TEXT_SUBTITLES = {"subrip", "srt", "ass", "ssa", "webvtt", "mov_text", "text"}
_SUBTITLES_AS = {"mp4": "mov_text", "mov": "mov_text", "webm": "webvtt"}
_QUICKTIME_LANGUAGES = {
    "deu": "ger",
    "ell": "gre",
    "isl": "ice",
    "mkd": "mac",
    "nld": "dut",
    "sqi": "alb",
    "zho": "chi",
}
"""MOV has a list of languages by their other ISO 639-2 names; ffmpeg drops what is not in it."""

COPY = "copy"


@dataclass(frozen=True)
class KeptStream:
    """A stream of the film that is in the output. ``codec``: ``copy``, or what it becomes."""

    info: StreamInfo
    codec: str = COPY

    @property
    def copied(self) -> bool:
        return self.codec == COPY


@dataclass(frozen=True)
class StreamPlan:
    """What the output will hold.

    ``muxer``: ffmpeg's name of the container. ``codec``: of the new track, a key of
    :data:`CODECS`. ``mode``: mix, replace or add. ``kept``: streams of the film in the order of
    the output, where the new tracks stand at ``position``. ``lost``: streams that are left out.
    ``replaced``: sound that ``replace`` leaves out on request. ``warnings``: a sentence each.
    """

    muxer: str
    codec: str
    mode: str
    kept: tuple[KeptStream, ...]
    position: int
    lost: tuple[StreamInfo, ...] = ()
    replaced: tuple[StreamInfo, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def exact(self) -> bool:
        """Whether every decoder gives the new track to the sample."""
        return self.muxer in CODECS[self.codec].exact_in


def check_container(
    footage: Footage, output: Path | str, codec: str = "auto", mode: str = "mix"
) -> StreamPlan:
    """Decide what becomes of each stream, and try the container's header with ffmpeg.

    ``mix``: the new track comes first and is the default, the film's own tracks follow untouched
    (a container that cannot hold them loses them, with a warning: they are heard in the mix).
    ``add``: the film's own tracks stay as they are, the new track follows them.
    ``replace``: the new track stands in their place.

    Raises OutputError, with the reason, for a pair that cannot be. Nothing is written.
    """
    output = Path(output)
    muxer = SUFFIXES[output.suffix.lower()]
    if codec == "auto":
        codec = NEW_TRACK_CODECS[muxer][0]
    if codec not in NEW_TRACK_CODECS[muxer]:
        raise OutputError(
            f"{output.suffix} takes no {codec} sound beside this picture.",
            path=output,
            hint=f"Use {' or '.join(NEW_TRACK_CODECS[muxer])}, or another container.",
        )
    if muxer == "mxf" and footage.rotation:
        raise OutputError(
            f"{output.suffix} cannot say that the picture is turned by {footage.rotation}°.",
            path=output,
            hint="Use mov, mp4 or mkv.",
        )
    decisions = [(s, _fate(s, footage, muxer, mode, output)) for s in footage.streams]
    kept = tuple(KeptStream(s, fate) for s, fate in decisions if fate not in (_LOST, _REPLACED))
    lost = tuple(s for s, fate in decisions if fate == _LOST)
    plan = StreamPlan(
        muxer=muxer,
        codec=codec,
        mode=mode,
        kept=kept,
        position=_position(kept, footage, mode),
        lost=lost,
        replaced=tuple(s for s, fate in decisions if fate == _REPLACED),
        warnings=tuple(_warnings(footage, kept, lost, muxer, codec)),
    )
    _try_header(footage, plan, output)
    if muxer == "mxf" and "mxf" not in footage.container:
        _refuse_reordered(footage, output)
    return plan


def _refuse_reordered(footage: Footage, output: Path) -> None:
    """ffmpeg writes an MXF without the times at which B-frames are shown, so that a reader has to
    guess them from the pictures."""
    for stream in footage.streams:
        if stream.kind == "video" and is_reordered(footage.path, stream.index):
            raise OutputError(
                f"{output.suffix} cannot keep the times of this film's B-frames (stream "
                f"{stream.index}).",
                path=output,
                hint="Use mov or mkv, or a film without B-frames.",
            )


def input_arguments(footage: Footage) -> list[str]:
    """How ffmpeg opens the film: its own protocols and demuxers only, by its exact name."""
    return [
        "-protocol_whitelist", PROTOCOLS, "-format_whitelist", FORMATS, "-i", url(footage.path),
    ]  # fmt: skip


def stream_arguments(
    plan: StreamPlan, inputs: Sequence[str], titles: Sequence[str], languages: Sequence[str]
) -> list[str]:
    """Maps, codecs and dispositions of the output. ``inputs``: the new tracks' ``-map`` names."""
    maps: list[tuple[str, KeptStream | None]] = [(f"0:{k.info.index}", k) for k in plan.kept]
    maps[plan.position : plan.position] = [(name, None) for name in inputs]
    arguments = ["-map_metadata", "0", "-map_chapters", "0"]
    sounds, new = 0, 0
    sound_of_film = any(k.info.kind == "audio" for k in plan.kept)
    for number, (name, kept) in enumerate(maps):
        arguments += ["-map", name]
        if kept is not None:
            arguments += [f"-c:{number}", kept.codec]
            if kept.info.title:  # which ffmpeg would drop on the way from one MP4 to another
                arguments += [f"-metadata:s:{number}", f"title={kept.info.title}"]
            if plan.muxer == "mov" and kept.info.language in _QUICKTIME_LANGUAGES:
                known = _QUICKTIME_LANGUAGES[kept.info.language]
                arguments += [f"-metadata:s:{number}", f"language={known}"]
            if kept.info.kind != "audio":
                continue
        if kept is None:
            encoder, *options = CODECS[plan.codec].arguments
            arguments += [f"-c:{number}", encoder, *(o.format(n=sounds) for o in options)]
            arguments += [f"-metadata:s:{number}", f"title={titles[new]}"]
            if languages[new]:
                arguments += [f"-metadata:s:{number}", f"language={languages[new]}"]
            first = new == 0 and (plan.mode != "add" or not sound_of_film)
            arguments += [f"-disposition:{number}", "default" if first else "0"]
            new += 1
        elif plan.mode == "mix":
            flags = [d for d in kept.info.disposition if d != "default"]
            arguments += [f"-disposition:{number}", "+".join(flags) or "0"]
        sounds += 1
    return arguments


_LOST = "lost"
_REPLACED = "replaced"


def _fate(stream: StreamInfo, footage: Footage, muxer: str, mode: str, output: Path) -> str:
    if stream.kind == "video":
        return _fate_of_video(stream, footage, muxer, output)
    if stream.kind == "audio":
        if mode == "replace":
            return _REPLACED
        allowed = _COPIED_AUDIO.get(muxer)
        refused = _REFUSED_AUDIO.get(muxer, set())
        if (allowed is None or stream.codec in allowed) and stream.codec not in refused:
            if muxer != "mxf" or "mxf" in footage.container or fits_mxf(footage, stream):
                return COPY
            if mode == "add":
                raise OutputError(
                    f"{output.suffix} takes only sound of 48 kHz that is exactly as long as the "
                    f"picture, and stream {stream.index} is not.",
                    path=output,
                    hint="Use mov or mkv, or --audio mix or replace.",
                )
        if mode == "mix":
            return _LOST
        raise OutputError(
            f"{output.suffix} cannot hold the film's own {stream.codec} sound (stream "
            f"{stream.index}) untouched.",
            path=output,
            hint="Use mkv, or --audio mix or replace.",
        )
    if stream.kind == "subtitle":
        return _fate_of_subtitles(stream, muxer)
    if stream.kind == "attachment" and muxer == "matroska":
        return COPY
    return _LOST


def _fate_of_video(stream: StreamInfo, footage: Footage, muxer: str, output: Path) -> str:
    if stream.attached_picture:
        same = footage.container.startswith("mov") and muxer in ("mp4", "mov")
        return COPY if same or ("matroska" in footage.container and muxer == "matroska") else _LOST
    if stream.codec not in _COPIED_VIDEO.get(muxer, {stream.codec}):
        raise OutputError(
            f"{output.suffix} cannot hold the film's {stream.codec} picture (stream "
            f"{stream.index}), and the picture is never encoded again.",
            path=output,
            hint="Use mkv, or the container that the film has.",
        )
    return COPY


def _fate_of_subtitles(stream: StreamInfo, muxer: str) -> str:
    if muxer == "mxf":
        return _LOST
    if muxer == "matroska":
        return "subrip" if stream.codec == "mov_text" else COPY
    wanted = _SUBTITLES_AS[muxer]
    if stream.codec == wanted:
        return COPY
    return wanted if stream.codec in _TEXT_SUBTITLES else _LOST


def _position(kept: Sequence[KeptStream], footage: Footage, mode: str) -> int:
    """Where the new tracks stand: before the film's own sound, or after it with ``add``."""
    sounds = [i for i, k in enumerate(kept) if k.info.kind == "audio"]
    if sounds:
        return sounds[-1] + 1 if mode == "add" else sounds[0]
    pictures = [i for i, k in enumerate(kept) if k.info.index == footage.picture]
    return pictures[0] + 1


def _warnings(
    footage: Footage,
    kept: Sequence[KeptStream],
    lost: Sequence[StreamInfo],
    muxer: str,
    codec: str,
) -> list[str]:
    said = []
    timecode_survives = footage.start_timecode is not None
    for stream in lost:
        if stream.kind == "data" and (
            (stream.codec == "tmcd" and timecode_survives)
            or (footage.chapters and stream.codec in ("bin_data", "text"))
        ):
            continue
        name = f"{stream.kind} stream {stream.index} ({stream.title or stream.codec})"
        why = ""
        if muxer == "mxf" and stream.codec in _COPIED_AUDIO[muxer]:
            why = ": it has not 48 kHz, or is not exactly as long as the picture"
        said.append(f"The {name} has no place in the output and is lost{why}.")
    said += [
        f"The subtitles in stream {k.info.index} become {k.codec} (they are {k.info.codec})."
        for k in kept
        if not k.copied
    ]
    if muxer == "mxf" and footage.chapters:
        said.append("The chapters have no place in the output and are lost.")
    if muxer == "mxf" and any(k.info.language not in ("", "und") for k in kept):
        said.append("The languages of the tracks have no place in the output and are lost.")
    if muxer not in CODECS[codec].exact_in:
        said.append(f"Some players hear a few milliseconds of silence after {codec} sound here.")
    return said


def _try_header(footage: Footage, plan: StreamPlan, output: Path) -> None:
    """The beginning of the very command that will be run, into nothing."""
    new = ["-f", "lavfi", "-i", "anullsrc=r=48000:cl=stereo"]
    arguments = ["-y", *input_arguments(footage), *new]
    arguments += stream_arguments(plan, ["1:a"], ["foley"], [""])
    # MXF learns only at the end that groups of pictures are too long for its index.
    arguments += (
        ["-t", "0.5"] if plan.muxer != "mxf" else ["-t", f"{float(footage.duration_s):.6f}"]
    )
    arguments += ["-f", plan.muxer, url(os.devnull)]
    try:
        for _ in run_ffmpeg(arguments):
            pass
    except ToolError as error:
        raise OutputError(
            f"{output.suffix} cannot hold this film's streams: {error.message}",
            path=output,
            hint="Use the container that the film has, or mkv.",
        ) from error
