"""The journal of a session: one JSON object a line, appended and flushed, never changed.

A line that a crash tore off is the last one, has no end, and counts as never written.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError, StorageError
from vtacli.media.staging import flush

PLAN, MADE, REDO, TAKE = "plan", "made", "redo", "take"
PICK, LOCK, UNLOCK, UNDO = "pick", "lock", "unlock", "undo"
RENDER, REFIT = "render", "refit"
UNDOABLE = (MADE, REDO, PICK, LOCK, UNLOCK, REFIT)
"""What a person did and can take back. A film that is written, and a take that is made, stay."""


@dataclass(frozen=True)
class Entry:
    """One line. ``at``: ISO 8601, UTC. ``what``: a sentence. ``command``: which one did it.

    ``state``: everything as it is afterwards, JSON values; where it is None, the state is as
    before, and ``take`` with its ``span`` is new. ``undoes``: the number of the entry that was
    taken back.
    """

    number: int
    at: str
    kind: str
    command: str
    what: str
    state: Mapping[str, Any] | None = None
    take: Mapping[str, Any] | None = None
    span: Mapping[str, Any] | None = None
    undoes: int | None = None

    def to_json(self) -> dict[str, Any]:
        values = {
            "n": self.number,
            "at": self.at,
            "kind": self.kind,
            "command": self.command,
            "what": self.what,
            "undoes": self.undoes,
            "scene": self.span,
            "take": self.take,
            "state": self.state,
        }
        return {k: v for k, v in values.items() if v is not None}


class Journal:
    """The file. ``read`` gives its entries; ``append`` adds one."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Entry]:
        """All entries, without a torn last line. Raises ConfigError for what is no journal."""
        entries = []
        for number, line in enumerate(self._whole().splitlines(), 1):
            try:
                entries.append(_entry(json.loads(line)))
            except (ValueError, KeyError, TypeError) as error:
                raise ConfigError(
                    f"Line {number} of the session's journal cannot be read.",
                    path=self.path,
                    hint="Bring the file back from a copy.",
                ) from error
        return entries

    def mend(self) -> None:
        """Cut a torn last line off, so that the next one begins on its own."""
        whole = len(self._whole())
        if self.path.exists() and self.path.stat().st_size != whole:
            with self.path.open("r+b") as file:
                file.truncate(whole)
                os.fsync(file.fileno())

    def append(self, entry: Entry) -> None:
        """Add a line, and have the disk hold it. Raises StorageError where that fails."""
        line = json.dumps(entry.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n"
        data = memoryview(line.encode("utf-8", "surrogatepass"))
        try:
            new = not self.path.exists()
            handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
            try:
                while data:
                    data = data[os.write(handle, data) :]
                os.fsync(handle)
            finally:
                os.close(handle)
            if new:
                flush(self.path.parent)
        except OSError as error:
            raise StorageError(
                f"The session's journal could not be written: {error.strerror}.",
                path=self.path,
                hint="Free some space.",
            ) from error

    def _whole(self) -> bytes:
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return b""
        return data[: data.rfind(b"\n") + 1]


def _entry(said: Mapping[str, Any]) -> Entry:
    return Entry(
        number=int(said["n"]),
        at=str(said["at"]),
        kind=str(said["kind"]),
        command=str(said["command"]),
        what=str(said["what"]),
        state=said.get("state"),
        take=said.get("take"),
        span=said.get("scene"),
        undoes=said.get("undoes"),
    )
