"""Safety at the door: what may be opened, and what may be written.

Nothing here decodes. A film is a regular file read through the ``file:`` protocol alone by one of
a few demuxers: with the protocol list alone a text playlist named ``.mp4`` reads other local
files, and a bare name such as ``http:x.mp4`` makes a network look-up.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from vtacli.errors import MediaError, OutputError, StorageError

PROTOCOLS = "file"
FORMATS = "mov,matroska,webm,mxf,avi,mpegts"

OPEN_OPTIONS = {"protocol_whitelist": PROTOCOLS, "format_whitelist": FORMATS}
"""The same keys mean the same to PyAV and to the ffmpeg command."""

MAX_PIXELS = 8192 * 4320
"""The largest picture taken, DCI 8K. A file of 200 KB can declare 8192×8192, and each decoded
picture of it then takes 100 MB and more, several at a time."""

MAX_DURATION_S = 24 * 3600
"""The longest film taken. A longer one is far more likely a broken header, and half a day of
work would be planned by it."""

SUFFIXES = {
    ".mp4": "mp4",
    ".m4v": "mp4",
    ".mov": "mov",
    ".mkv": "matroska",
    ".webm": "webm",
    ".mxf": "mxf",
}
"""Containers that can be written, by suffix: ffmpeg's name for the muxer."""


def url(path: Path | str) -> str:
    """The name under which PyAV and ffmpeg open exactly this file, whatever it is called."""
    return f"file:{path}"


def check_input(path: Path | str) -> Path:
    """The absolute path of a readable, regular file. Links are followed.

    Raises MediaError for anything else, without opening it: a FIFO would wait for ever.
    """
    path = Path(path)
    try:
        found = path.stat()
    except FileNotFoundError:
        raise MediaError("There is no such file.", path=path, hint="Check the name.") from None
    except (OSError, ValueError) as error:
        raise MediaError(f"The file cannot be read: {_reason(error)}.", path=path) from error
    if not stat.S_ISREG(found.st_mode):
        kind = _kind(found.st_mode)
        raise MediaError(
            f"This is {kind}, not a film.", path=path, hint="Give the name of a film file."
        )
    if found.st_size == 0:
        raise MediaError("The file is empty.", path=path, hint="Copy or export it again.")
    if not os.access(path, os.R_OK):
        raise MediaError(
            "The file may not be read.", path=path, hint="Change its permissions, or copy it."
        )
    return Path(os.path.abspath(path))  # noqa: PTH100 - Path.absolute keeps "..", resolve follows links


def check_picture_size(width: int, height: int, path: Path | None = None) -> None:
    """Raise MediaError where one decoded picture would take more memory than is reasonable."""
    if width * height > MAX_PIXELS:
        raise MediaError(
            f"The picture is {width}×{height}; more than 8192×4320 pixels (DCI 8K) is refused, "
            "because decoding it can fill the memory.",
            path=path,
            hint="Scale the film down first.",
        )


def check_output(source: Path | str | None, output: Path | str, overwrite: bool = False) -> Path:
    """The absolute path of a film that may be written, decided before any work is done.

    ``source`` is the film it is made from. Raises OutputError where the output is the input
    (by any name or link), exists and ``overwrite`` is not given, is no regular file, has a
    suffix that is no supported container, or lies in a folder that is missing or read-only.
    """
    output = Path(output)
    if output.suffix.lower() not in SUFFIXES:
        raise OutputError(
            f"{output.suffix or 'A name without a suffix'} is no container that can be written.",
            path=output,
            hint=f"Use one of {', '.join(sorted(SUFFIXES))}.",
        )
    return check_destination(source, output, overwrite)


def check_destination(
    source: Path | str | None, output: Path | str, overwrite: bool = False
) -> Path:
    """As :func:`check_output`, for a file of any kind (a stem, a record)."""
    output = Path(output)
    folder = output.parent
    if not folder.is_dir():
        raise OutputError(
            "The folder to write to does not exist.", path=folder, hint="Make it first."
        )
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError("The folder may not be written to.", path=folder)
    try:
        found = output.stat()
    except FileNotFoundError:
        if output.is_symlink():
            raise OutputError("The output is a link that leads nowhere.", path=output) from None
        return Path(os.path.abspath(output))  # noqa: PTH100
    except (OSError, ValueError) as error:
        raise OutputError(f"The output cannot be used: {_reason(error)}.", path=output) from error
    if (
        source is not None
        and Path(source).exists()
        and os.path.samestat(found, Path(source).stat())
    ):
        raise OutputError(
            "The output is the input itself.", path=output, hint="Choose another name."
        )
    if not stat.S_ISREG(found.st_mode):
        raise OutputError(f"The output is {_kind(found.st_mode)}.", path=output)
    if not overwrite:
        raise OutputError(
            "The output exists.", path=output, hint="Choose another name, or pass --overwrite."
        )
    return Path(os.path.abspath(output))  # noqa: PTH100


def check_room(folder: Path, needed_bytes: int) -> None:
    """Raise StorageError where ``folder`` has less free space than will be written."""
    status = os.statvfs(folder)
    free = status.f_bavail * status.f_frsize
    if free < needed_bytes:
        raise StorageError(
            f"The disk has {free >> 20} MB free and about {needed_bytes >> 20} MB are needed.",
            path=folder,
            hint="Free some space, or write elsewhere.",
        )


def _kind(mode: int) -> str:
    for test, name in (
        (stat.S_ISDIR, "a folder"),
        (stat.S_ISFIFO, "a pipe"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if test(mode):
            return name
    return "no regular file"


def _reason(error: Exception) -> str:
    return (getattr(error, "strerror", None) or str(error)).lower()
