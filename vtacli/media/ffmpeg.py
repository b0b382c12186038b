"""The ffmpeg program: found, run with a list of arguments, watched, and never left behind."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from threading import Thread
from typing import IO

from vtacli.errors import StorageError, ToolError

KEPT_LINES = 20
OLDEST_MAJOR = 6


def find_ffmpeg() -> str:
    """The ffmpeg that will be used: ``VTA_FFMPEG``, else the one of imageio-ffmpeg (which looks
    at ``IMAGEIO_FFMPEG_EXE``, its own copy, then the PATH).

    Raises ToolError where there is none.
    """
    chosen = os.environ.get("VTA_FFMPEG")
    if chosen:
        if not (Path(chosen).is_file() and os.access(chosen, os.X_OK)):
            raise ToolError("VTA_FFMPEG names no program.", path=chosen, hint="Set it right.")
        return chosen
    import imageio_ffmpeg

    try:
        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except RuntimeError as error:
        raise ToolError(
            "There is no ffmpeg.",
            hint="Install imageio-ffmpeg with its binary, or set VTA_FFMPEG to the program.",
        ) from error


@lru_cache(maxsize=4)
def ffmpeg_version(program: str) -> str:
    """What ``ffmpeg -version`` calls itself, ``9.0.2`` or ``N-1234`` for example.

    Raises ToolError where the program does not run or is older than version 6.
    """
    try:
        told = subprocess.run(
            [program, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=30,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise ToolError(f"ffmpeg does not run: {error}.", path=program) from error
    named = re.match(r"ffmpeg version n?(\S+)", told)
    version = named.group(1) if named else "unknown"
    major = re.match(r"(\d+)\.", version)
    if major and int(major.group(1)) < OLDEST_MAJOR:
        raise ToolError(
            f"ffmpeg {version} is too old; version {OLDEST_MAJOR} or later is needed.",
            path=program,
            hint="Update it, or unset VTA_FFMPEG to use the one that came with vta.",
        )
    return version


def run_ffmpeg(arguments: Sequence[str]) -> Iterator[Fraction]:
    """Run ffmpeg and yield the seconds of film written so far, as it tells them.

    The iterator must be exhausted for the work to be done; to cancel, close it. However it ends,
    by an exception in the caller or Ctrl-C too, the process is gone and reaped afterwards.

    Raises StorageError where the disk is full, ToolError with ffmpeg's last words where it fails.
    """
    child = _start(
        ["-nostdin", "-progress", "pipe:1", *arguments], subprocess.DEVNULL, subprocess.PIPE
    )
    assert child.stdout is not None
    assert child.stderr is not None
    words: deque[str] = deque(maxlen=KEPT_LINES)
    listener = Thread(target=_listen, args=(child.stderr, words), daemon=True)
    try:
        listener.start()
        for row in child.stdout:
            key, _, value = row.decode(errors="replace").strip().partition("=")
            if key == "out_time_us" and value.lstrip("-").isdigit():
                yield Fraction(max(0, int(value)), 1_000_000)
        code = child.wait()
    except BaseException:
        _end(child)
        raise
    finally:
        if child.poll() is not None:
            listener.join(timeout=5)
        child.stdout.close()
        child.stderr.close()
    if code:
        raise _failure(code, list(words))


class FedFfmpeg:
    """ffmpeg that is given its input, ``-i pipe:0`` in the arguments, piece by piece; a context
    manager, after which the process is gone and reaped however the block ended.

    :meth:`write` and :meth:`finish` raise StorageError where the disk is full, ToolError with
    ffmpeg's last words where it fails.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._child = _start(arguments, subprocess.PIPE, subprocess.DEVNULL)
        assert self._child.stdin is not None
        assert self._child.stderr is not None
        self._stdin = self._child.stdin
        self._words: deque[str] = deque(maxlen=KEPT_LINES)
        self._listener = Thread(target=_listen, args=(self._child.stderr, self._words), daemon=True)
        self._listener.start()

    def write(self, data: bytes) -> None:
        """The next bytes of the input."""
        try:
            self._stdin.write(data)
        except BrokenPipeError:
            self._reap()

    def finish(self) -> None:
        """The input has ended: wait until all of the output is written."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        self._reap()

    def _reap(self) -> None:
        code = self._child.wait()
        self._listener.join(timeout=5)
        if code:
            raise _failure(code, list(self._words))

    def __enter__(self) -> FedFfmpeg:
        return self

    def __exit__(self, *_: object) -> None:
        if self._child.poll() is None:
            _end(self._child)
        self._listener.join(timeout=5)
        with suppress(OSError):
            self._stdin.close()
        if self._child.stderr is not None:
            self._child.stderr.close()


def _start(arguments: Sequence[str], stdin: int, stdout: int) -> subprocess.Popen[bytes]:
    """A child in a process group of its own."""
    program = find_ffmpeg()
    ffmpeg_version(program)
    command = [program, "-hide_banner", "-loglevel", "warning", "-nostats", *arguments]
    try:
        return subprocess.Popen(
            command, stdin=stdin, stdout=stdout, stderr=subprocess.PIPE, start_new_session=True
        )
    except OSError as error:
        raise ToolError(f"ffmpeg does not run: {error}.", path=program) from error


def _listen(stderr: IO[bytes], words: deque[str]) -> None:
    with suppress(ValueError):  # closed while reading
        words.extend(line.decode(errors="replace").rstrip() for line in stderr)


def _end(child: subprocess.Popen[bytes]) -> None:
    """End the child's whole process group, at once: ffmpeg can survive SIGTERM."""
    with suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)
    child.wait()


_PREFIX = re.compile(r"^(\[[^\]]*\]\s*)+")
_HOLLOW = re.compile(
    r"Task finished with|Terminating thread|Error sending frames|Nothing was written"
    r"|Guessed Channel Layout|Could not write header|Error while opening|Conversion failed"
)


def _failure(code: int, words: list[str]) -> StorageError | ToolError:
    if any("No space left on device" in line for line in words):
        return StorageError(
            "The disk is full.", hint="Free some space, or write the film elsewhere."
        )
    return ToolError(f"ffmpeg failed with code {code}: {_last_words(words)}")


def _last_words(words: list[str]) -> str:
    """The lines that say something, without the memory addresses before them."""
    lines = [line for line in (_PREFIX.sub("", w).strip() for w in words) if line]
    telling = [line for line in lines if not _HOLLOW.search(line)] or lines
    return " | ".join(dict.fromkeys(telling[-3:])) or "it said nothing"
