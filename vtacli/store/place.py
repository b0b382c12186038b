"""Where models lie, and the one folder that anything is written to.

Models are looked for on every shelf of :func:`vtacli.shelves.shelves`: ``--weights-dir``,
``VTA_WEIGHTS``, what came with the program, the user's cache. Written is only to the first of
``--weights-dir``, ``VTA_WEIGHTS`` and the user's cache that can be written to: what came with the
program belongs to the checkout or to the installer, and a shared cache may be read-only.

::

    STORE/
      NAME/            a model, whole or not there at all
      .downloads/NAME/ files of a pull that is under way or was broken off; they go on from there
      .locks/          one process at a time works at a model
      pins.json        sizes, hashes and revisions that first pulls recorded
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from vtacli.errors import ConfigError, StorageError
from vtacli.shelves import installed, shelves

DOWNLOADS, LOCKS, PINS = ".downloads", ".locks", "pins.json"


def user_store() -> Path:
    """The user's own shelf."""
    from platformdirs import user_cache_path

    return user_cache_path("vta", appauthor=False) / "weights"


def store_to_write(
    weights_dir: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path:
    """The folder that pulls and imports write to; it is made where it is not there.

    Raises StorageError where ``weights_dir`` cannot be written to, or nothing else can either,
    and ConfigError where it is no folder.
    """
    named = environ.get("VTA_WEIGHTS")
    candidates = [weights_dir] if weights_dir else [*([Path(named)] if named else []), user_store()]
    for folder in candidates:
        if folder.exists() and not folder.is_dir():
            raise ConfigError("The weights folder is not a folder.", path=folder)
        if _writable(folder):
            return folder.resolve()
    raise StorageError(
        "models cannot be written here.",
        path=candidates[-1],
        hint="Name a folder of yours with --weights-dir or VTA_WEIGHTS.",
    )


def _writable(folder: Path) -> bool:
    """By writing: permission bits say little of read-only mounts, and nothing to root."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def installed_folder(
    name: str, weights_dir: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path | None:
    """The folder of an installed model of that name; None where no shelf has it."""
    return installed(shelves(weights_dir, environ)).get(name)


@contextmanager
def locked(store: Path, name: str, waiting: Iterator[None] | None = None) -> Iterator[None]:
    """Work at a model of this store alone. Others wait here; the lock ends with its process.

    ``waiting`` is advanced five times a second while another holds it: whoever waits can say so,
    and can be stopped.
    """
    from filelock import FileLock, Timeout

    try:
        (store / LOCKS).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot lock: {error.strerror}.", path=store) from error
    lock = FileLock(store / LOCKS / f"{name}.lock")
    while True:
        try:
            lock.acquire(timeout=0.2)
            break
        except Timeout:
            if waiting is not None:
                next(waiting, None)
        except OSError as error:
            raise StorageError(f"cannot lock: {error.strerror}.", path=store) from error
    try:
        yield
    finally:
        lock.release()
