"""Opens a film with PyAV, safely, and turns PyAV's exceptions into ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import av
from av.stream import Discard

from vtacli.errors import MediaError, StorageError
from vtacli.media.door import FORMATS, MAX_PIXELS, OPEN_OPTIONS, check_input, url

Container = Any
Stream = Any


@contextmanager
def open_film(
    path: Path | str, only: int | None = None, formats: str = FORMATS
) -> Iterator[Container]:
    """An opened container. ``only``: the one stream that will be read; the others are skipped.
    ``formats``: ffmpeg's names of the demuxers that may open it.

    Raises MediaError where the file cannot be opened as a film, or where reading it in the
    ``with`` block fails.
    """
    path = check_input(path)
    try:
        container = av.open(
            url(path),
            options={
                **OPEN_OPTIONS,
                "format_whitelist": formats,
                "max_pixels": str(MAX_PIXELS),
            },
            metadata_errors="replace",
        )
    except (av.error.FFmpegError, ValueError) as error:
        raise _not_a_film(path, error, formats) from error
    try:
        for stream in container.streams:
            if only is not None and stream.index != only:
                stream.discard = Discard.all
        yield container
    except av.error.FFmpegError as error:
        raise MediaError(
            f"Reading failed: {_reason(error)}.",
            path=path,
            hint="The file may be damaged: copy or export it again.",
        ) from error
    finally:
        container.close()


def prepare_decoder(stream: Stream) -> None:
    """Threads for speed, and a ceiling on pixels that a picture inside the stream cannot pass."""
    stream.thread_type = "AUTO"
    stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}


def _not_a_film(path: Path, error: Exception, formats: str) -> MediaError | StorageError:
    if isinstance(error, (av.error.InvalidDataError, av.error.ArgumentError)):
        if formats != FORMATS:
            return MediaError(
                "This is no sound or film that can be read, or its beginning or end is missing.",
                path=path,
                hint="Supported are wav, flac, mp3, ogg, aiff, m4a, caf, and films.",
            )
        return MediaError(
            "This is not a film that can be read, or its beginning or end is missing.",
            path=path,
            hint="Supported are mp4, mov, mkv, webm, mxf, avi and mpegts; copy or export it again.",
        )
    return MediaError(f"The film cannot be opened: {_reason(error)}.", path=path)


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).rstrip(".").lower()
