"""Files of a session: written under another name, flushed, and only then given their own."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from vtacli.errors import MediaError, StorageError
from vtacli.media.spool import BLOCK
from vtacli.media.staging import flush
from vtacli.options import RATE_HZ
from vtacli.signal.coding import samples_of, whole_numbers
from vtacli.signal.media import Audio

PART = ".part"
SPARE_BITS = 8
"""FLAC of 24 bits is written from and read as whole numbers of 32."""


def write_json(path: Path, values: Any) -> None:
    """For people as well as programs. Raises StorageError."""
    text = json.dumps(values, ensure_ascii=False, indent=1) + "\n"
    write_bytes(path, lambda p: p.write_text(text, encoding="utf-8", errors="surrogatepass"))


def read_json(path: Path) -> Any:
    """Raises FileNotFoundError, or ValueError for what is no JSON."""
    return json.loads(path.read_text(encoding="utf-8", errors="surrogatepass"))


def hash_file(path: Path) -> str:
    """SHA-256 of a file's bytes. Raises MediaError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise MediaError(
            f"The file cannot be read: {(error.strerror or str(error)).lower()}.", path=path
        ) from error


@dataclass(frozen=True)
class TakeFile:
    """A take on disk: how many samples and channels, and its hash."""

    sha256: str
    samples: int
    channels: int


def write_take(path: Path, blocks: Iterable[Audio], channels: int, halvings: int) -> TakeFile:
    """Blocks (C, N) at 48 kHz as FLAC of 24 bits, whole or not there.

    They lie on the grid of :mod:`vtacli.signal.coding` already, so nothing is lost. The same
    blocks make the same file. Raises StorageError where the disk is full.
    """
    count = 0

    def write(part: Path) -> None:
        nonlocal count
        with soundfile.SoundFile(
            os.fspath(part), "w", RATE_HZ, channels, "PCM_24", format="FLAC"
        ) as file:
            for block in blocks:
                whole = whole_numbers(block.data, halvings) << SPARE_BITS
                file.write(np.ascontiguousarray(whole.T))
                count += len(block)

    write_bytes(path, write)
    return TakeFile(hash_file(path), count, channels)


def read_take(path: Path, halvings: int, samples: int) -> Iterator[Audio]:
    """The blocks of a take, ``samples`` in all. Raises MediaError where the file is gone, cannot
    be read, or is not as long as it was."""
    found = 0
    try:
        with soundfile.SoundFile(os.fspath(path)) as file:
            while True:
                data = file.read(BLOCK, dtype="int32", always_2d=True)
                if not len(data):
                    break
                found += len(data)
                whole = np.ascontiguousarray(data.T) >> SPARE_BITS
                yield Audio(samples_of(whole, halvings), RATE_HZ)
    except (soundfile.LibsndfileError, OSError) as error:
        raise _lost(path) from error
    if found != samples:
        raise _lost(path)


def _lost(path: Path) -> MediaError:
    return MediaError(
        "The take's file is gone or damaged.",
        path=path,
        hint="Bring it back from a copy, pick another take, or make one with `vta redo`.",
    )


def write_bytes(path: Path, write: Callable[[Path], object]) -> None:
    """Have ``write`` fill a file that then gets its name, whole or not at all. Raises
    StorageError."""
    part = path.with_name(path.name + PART)
    try:
        part.parent.mkdir(parents=True, exist_ok=True)
        write(part)
        flush(part)
        part.replace(path)
        flush(path.parent)
    except (OSError, soundfile.LibsndfileError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StorageError(
            f"Writing failed: {reason.rstrip('.').lower()}.", path=path, hint="Free some space."
        ) from error
    finally:
        part.unlink(missing_ok=True)
