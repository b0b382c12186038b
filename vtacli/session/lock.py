"""One process at a time writes a session. The lock dies with its holder, however that ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from filelock import FileLock, Timeout

from vtacli.errors import LockHeld, OutputError

LOCK, HOLDER = ".lock", ".holder"


@contextmanager
def held(folder: Path, command: str) -> Iterator[None]:
    """Hold ``folder``. ``command``: what others are told holds it.

    Raises LockHeld, naming the holder, where another process has it; OutputError where the folder
    may not be written to.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout:
        raise LockHeld(
            f"Another process is at work on this session: {_holder(folder)}.",
            path=folder,
            hint="Wait until it has ended, or end it.",
        ) from None
    except OSError as error:
        raise OutputError(
            f"The session cannot be written to: {(error.strerror or str(error)).lower()}.",
            path=folder,
        ) from error
    try:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        with suppress(OSError):
            said = {"process": os.getpid(), "command": command, "since": now}
            (folder / HOLDER).write_text(json.dumps(said) + "\n", encoding="utf-8")
        yield
    finally:
        with suppress(OSError):
            (folder / HOLDER).unlink(missing_ok=True)
        # the file stays: who unlinks a lock may take it from somebody who has just opened it
        lock.release()


def _holder(folder: Path) -> str:
    try:
        said = json.loads((folder / HOLDER).read_text(encoding="utf-8"))
        return f"`{said['command']}`, process {said['process']}, since {said['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "it does not say which"
