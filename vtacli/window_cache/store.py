"""The folder of kept windows: safe under many processes, and never larger than it may be.

::

    windows/
      3f/3f07…          one window (:mod:`vtacli.window_cache.entry`), named by its key
      .part-…           one that is being written, locked by its process
      models/…json      hashes of models' files (:mod:`vtacli.window_cache.identity`)
      runs.json         how many windows were reused and made

A window appears under its name when it is whole. One that cannot be read, or is not what it was,
counts as none and is made again. What cannot be written is not kept, and work goes on.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from vtacli.signal.media import Audio
from vtacli.window_cache.entry import decoded, encoded

PART = ".part-"
KEY_LENGTH = 64
"""Characters of a key; a file of another name is not the cache's."""
LEFT_OVER_S = 10.0
"""A part of this age whose process is gone is left over; a younger one may not be locked yet."""
TRIMMED_TO = 0.9
"""Of the limit, once it is passed: so that not every window after it deletes one."""
LOOK_AFTER = 64
"""Windows after which the folder is measured anew: other processes fill it too."""


@dataclass(frozen=True)
class Kept:
    """A file of the folder. ``used_s``: when it was last made or reused, in seconds since 1970."""

    path: Path
    size: int
    used_s: float


class WindowCache:
    """Windows of sound by their keys, beneath ``folder``, of at most ``limit_bytes`` in all.

    Safe for several threads. ``trouble``: why windows are not kept, once one could not be.
    """

    def __init__(self, folder: Path, limit_bytes: int) -> None:
        self.folder = folder
        self.limit_bytes = limit_bytes
        self.trouble: str | None = None
        self._size: int | None = None
        self._written = 0
        self._lock = Lock()

    def get(self, key: str) -> Audio | None:
        """The window, which is thereby the one used last; None where it is not there or damaged.
        A damaged one is deleted."""
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        try:
            sound = decoded(data)
        except ValueError:
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):  # a folder that may only be read
            os.utime(path)
        return sound

    def put(self, key: str, sound: Audio) -> bool:
        """Keep a window, and delete those used longest ago where there are too many. Whether it
        was kept; if not, :attr:`trouble` says why."""
        if self.trouble is not None:
            return False
        data = encoded(sound)
        if len(data) > self.limit_bytes:
            self.trouble = "the limit is smaller than a window"
            return False
        try:
            self._write(self._path(key), data)
        except OSError as error:
            self.trouble = (error.strerror or str(error)).lower()
            return False
        with self._lock:
            self._written += 1
            if self._size is None or self._written % LOOK_AFTER == 0:
                self._size = sum(k.size for k in self.kept())
            else:
                self._size += len(data)
            too_many = self._size > self.limit_bytes
        if too_many:
            self.trim(int(self.limit_bytes * TRIMMED_TO))
        return True

    def kept(self) -> Iterator[Kept]:
        """Every window of the folder, in no order."""
        for shelf in _listed(self.folder):
            if len(shelf.name) == 2 and shelf.is_dir(follow_symlinks=False):
                for file in _listed(Path(shelf.path)):
                    if len(file.name) != KEY_LENGTH or not file.name.startswith(shelf.name):
                        continue
                    with suppress(OSError):
                        found = file.stat(follow_symlinks=False)
                        yield Kept(Path(file.path), found.st_size, found.st_mtime)

    def trim(self, to_bytes: int) -> int:
        """Delete windows, those used longest ago first, until so much is left; and what writers
        that died left over. How many were deleted."""
        self._sweep()
        windows = sorted(self.kept(), key=lambda k: (k.used_s, k.path.name))
        size, deleted = sum(k.size for k in windows), 0
        for window in windows:
            if size <= to_bytes:
                break
            with suppress(OSError):  # another process was first, or the folder may only be read
                window.path.unlink()
                deleted += 1
                size -= window.size
        with self._lock:
            self._size = size
        return deleted

    def clear(self) -> int:
        """Delete all windows. How many there were."""
        return self.trim(0)

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / key

    def _write(self, path: Path, data: bytes) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        part = self.folder / f"{PART}{secrets.token_hex(8)}"
        handle = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        try:
            with open(handle, "wb") as file:  # noqa: PTH123 - of a handle
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                file.write(data)
                file.flush()
                part.replace(path)
        except BaseException:
            with suppress(OSError):
                part.unlink()
            raise

    def _sweep(self) -> None:
        """Delete parts whose writers are gone: the system has taken their locks from them."""
        for file in _listed(self.folder):
            if not file.name.startswith(PART):
                continue
            with suppress(OSError), open(file.path, "rb") as part:  # noqa: PTH123
                if time.time() - os.fstat(part.fileno()).st_mtime > LEFT_OVER_S:
                    fcntl.flock(part, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    Path(file.path).unlink()


def _listed(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []
