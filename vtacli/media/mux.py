"""Writes the dubbed film: the picture and all that is kept are copied, the new sound is added.

It is written under another name in the same folder, checked against the film it came from, and
only then gets its own name. Whatever goes wrong, nothing half-written stays.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile

from vtacli.media.channels import channel_arguments
from vtacli.media.door import url
from vtacli.media.ffmpeg import run_ffmpeg
from vtacli.media.fingerprint import packet_hashes
from vtacli.media.marking import append_xmp, marking_arguments
from vtacli.media.material_number import number_material
from vtacli.media.probe import Footage
from vtacli.media.staging import Staging, flush
from vtacli.media.streams import (
    KeptStream,
    StreamPlan,
    check_container,
    input_arguments,
    stream_arguments,
)
from vtacli.media.verify import verify_film
from vtacli.progress import Note, Report, Step, ignore
from vtacli.provenance import Provenance

__all__ = [
    "KeptStream",
    "NewTrack",
    "StreamPlan",
    "check_container",
    "packet_hashes",
    "write_film",
]

MOVIE_TIMESCALE = "48000"
"""Edit lists count in this; ffmpeg's 1000 would round the new track's end to a millisecond."""


@dataclass(frozen=True)
class NewTrack:
    """Sound to add: a WAV file of the film's length that starts with the picture.

    ``language``: ISO 639-2, or nothing. ``layout``: ffmpeg's name of the channel layout where it
    is not the usual one for that many channels.
    """

    path: Path
    title: str = "Foley"
    language: str = ""
    layout: str = ""


def write_film(
    footage: Footage,
    plan: StreamPlan,
    tracks: Sequence[NewTrack],
    output: Path | str,
    *,
    overwrite: bool = False,
    provenance: Provenance | None = None,
    report: Report = ignore,
) -> None:
    """Write the film that ``plan`` (from :func:`check_container`) describes.

    The finished file was read back: kept streams have the same packets at the same times, the
    picture has the same length, and every new track has its WAV file's samples, all of them,
    from the picture's first moment on. ``provenance``: what the film's metadata says of the new
    sound; None: nothing.

    Raises OutputError where the destination may not be written, StorageError where the disk is
    full, ToolError where ffmpeg fails, CheckFailed where the result is not what it should be,
    MediaError where the film cannot be read.
    """
    lengths = [soundfile.info(os.fspath(t.path)).frames for t in tracks]
    for warning in plan.warnings:
        report(Note(warning, "warning"))
    total = float(footage.duration_s)
    with Staging(overwrite, footage.path) as files:
        part = files.part(output)
        for done_s in run_ffmpeg(_arguments(footage, plan, tracks, part, provenance)):
            report(Step("write", min(float(done_s), total), total))
        if provenance is not None and plan.muxer == "mp4":
            append_xmp(part, provenance)
        if plan.muxer == "mxf":
            number_material(part)
        flush(part)
        report(Step("verify", 0, 1))
        verify_film(footage, plan, lengths, part)
        report(Step("verify", 1, 1))


def _arguments(
    footage: Footage,
    plan: StreamPlan,
    tracks: Sequence[NewTrack],
    part: Path,
    provenance: Provenance | None,
) -> list[str]:
    arguments = ["-y", *input_arguments(footage)]
    for track in tracks:
        # ffmpeg counts from the earliest stream of the film; the new sound starts with the
        # picture, which may come later.
        late = float(footage.start_s - footage.container_start_s)
        if late:
            arguments += ["-itsoffset", f"{late:.6f}"]
        arguments += ["-protocol_whitelist", "file", "-f", "wav", "-i", url(track.path)]
    inputs = [f"{i}:a" for i in range(1, len(tracks) + 1)]
    arguments += stream_arguments(
        plan, inputs, [t.title for t in tracks], [t.language for t in tracks]
    )
    first = sum(k.info.kind == "audio" for k in plan.kept[: plan.position])
    for i, track in enumerate(tracks):
        channels = soundfile.info(os.fspath(track.path)).channels
        arguments += channel_arguments(plan.codec, channels, first + i)
        if track.layout:
            arguments += [f"-filter:a:{first + i}", f"channelmap=channel_layout={track.layout}"]
    if provenance is not None:
        for i in range(len(tracks)):
            arguments += marking_arguments(
                provenance,
                plan.muxer,
                footage.path,
                plan.position + i,
                mixed=plan.mode == "mix",
            )
    arguments += ["-max_muxing_queue_size", "4096"]
    if plan.muxer in ("mp4", "mov"):
        arguments += ["-movie_timescale", MOVIE_TIMESCALE]
    if plan.muxer == "mp4":
        arguments += ["-movflags", "+faststart"]
    if plan.muxer not in ("mp4", "mov"):
        # no numbers drawn at random: the same film is the same file
        arguments += ["-fflags", "+bitexact"]
    return [*arguments, "-f", plan.muxer, url(part)]
