"""What a batch has done, in its output's folder: a journal, and the place where films are made.

::

    OUT/.vta-batch/
      journal.jsonl   a line for everything that came to its end; the last one wins
      making/         films in the making; emptied when a batch begins
      lock            one batch at a time works in a folder

A line is written and flushed before the file that it tells of gets its name: after a crash the
line may be ahead of the files, never behind, and files are held against it when they are needed.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from vtacli import __version__
from vtacli.batch.values import Failed, Made, Stamp
from vtacli.errors import LockHeld, OutputError, StorageError, printable
from vtacli.media.staging import flush

FOLDER, JOURNAL, MAKING, LOCK = ".vta-batch", "journal.jsonl", "making", "lock"


@dataclass(frozen=True)
class Done:
    """A film that was made. ``output`` is relative to the output's folder."""

    content: str
    settings: str
    output: str
    sha256: str
    stamp: Stamp
    seed: int
    film: str


@dataclass(frozen=True)
class Failure:
    """How a film failed, after ``tries`` attempts; ``limit_s``: the time that it was given."""

    code: int
    text: str
    tries: int
    final: bool
    limit_s: float | None


class Record:
    """The record of one output folder; a context manager that holds its lock.

    Raises LockHeld where another process works there, OutputError where nothing can be written.
    """

    def __init__(self, output: Path) -> None:
        self.output = output
        self.folder = output / FOLDER
        self.unreadable = 0
        self._done: dict[str, Done] = {}
        self._failed: dict[tuple[str, str], Failure] = {}
        self._contents: dict[tuple[str, int, int], str] = {}
        self._sizes: set[int] = set()
        self._settings: set[str] = set()
        self._lock = FileLock(self.folder / LOCK)

    def __enter__(self) -> Record:
        try:
            (self.folder / MAKING).mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            raise LockHeld(
                "Another batch works in this folder.",
                path=self.output,
                hint="Wait for it, or choose another folder.",
            ) from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise OutputError(
                f"The folder cannot be written to: {reason}.", path=self.output
            ) from error
        try:
            self._read()
            self.clear()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.clear()
        self._lock.release()

    def clear(self) -> None:
        """Throw away what was begun and not finished."""
        for begun in (self.folder / MAKING).iterdir():
            shutil.rmtree(begun, ignore_errors=True)

    def making(self, number: int, name: str) -> Path:
        """Where film ``number`` is to be written, alone in a folder that is made here."""
        folder = self.folder / MAKING / str(number)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder / name

    def known_content(self, film: Path, stamp: Stamp) -> str | None:
        """The content of a file that has not changed since it was last read."""
        return self._contents.get((str(film), stamp.size, stamp.mtime_ns))

    def knows_size(self, size: int) -> bool:
        """Whether some film on record has this size: others need not be read to be new."""
        return size in self._sizes

    def knows_settings(self, settings: str) -> bool:
        """Whether anything was made or tried with these settings."""
        return settings in self._settings

    def done_with(self, content: str, settings: str) -> list[Done]:
        """What was made of a film with these settings, under whatever names."""
        return [d for d in self._done.values() if d.content == content and d.settings == settings]

    def every_done(self) -> list[Done]:
        """Everything that was made, whatever has become of it."""
        return list(self._done.values())

    def failure_of(self, identity: str, settings: str) -> Failure | None:
        """How the film failed when it was last tried; ``identity`` as :func:`identity_of`."""
        return self._failed.get((identity, settings))

    def owns(self, output: Path) -> bool:
        """Whether what lies there was made by a batch."""
        return self._relative(output) in self._done

    def outputs(self) -> frozenset[Path]:
        """Everything that was made, as absolute paths."""
        return frozenset(self.output / name for name in self._done)

    def is_whole(self, done: Done, *, read: bool = False) -> bool:
        """Whether an output is there as it was made: by size and time where these are unchanged,
        else, or if it is to be ``read`` in any case, by its hash."""
        path = self.output / done.output
        try:
            now = Stamp.of(path)
            if now == done.stamp and not read:
                return True
            return now.size == done.stamp.size and sha_of(path) == done.sha256
        except OSError:
            return False

    def add_done(self, made: Made, settings: str, output: Path, film: Path) -> None:
        self._add(
            event="done",
            film=str(film),
            content=made.content,
            source=asdict(made.source),
            settings=settings,
            output=self._relative(output),
            sha256=made.sha256,
            stamp=asdict(made.stamp),
            seed=made.seed,
            seconds=round(made.seconds, 3),
        )

    def add_failed(
        self, failed: Failed, settings: str, film: Path, tries: int, limit_s: float | None
    ) -> None:
        self._add(
            event="failed",
            film=str(film),
            content=failed.content,
            source=None if failed.source is None else asdict(failed.source),
            settings=settings,
            code=failed.code,
            text=printable(failed.text),
            tries=tries,
            final=failed.final,
            limit_s=limit_s,
        )

    def add_seen(self, film: Path, content: str, stamp: Stamp) -> None:
        """A film that is known by its content lies here now."""
        self._add(event="seen", film=str(film), content=content, source=asdict(stamp))

    def add_settings(self, settings: dict[str, Any], name: str) -> None:
        """What a settings' hash stands for, for whoever reads the journal."""
        self._add(event="settings", settings=name, means=settings)

    def _relative(self, output: Path) -> str:
        return output.relative_to(self.output).as_posix()

    def _add(self, **line: Any) -> None:
        now = datetime.now(UTC).isoformat(timespec="seconds")
        text = json.dumps({"at": now, "vta": __version__, **line}) + "\n"
        path = self.folder / JOURNAL
        try:
            with path.open("ab") as file:
                file.write(text.encode())
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(
                f"The record of the batch cannot be written: {error.strerror}.",
                path=path,
                hint="Free some space, and run the same command again.",
            ) from error
        self._take(line)

    def _read(self) -> None:
        path = self.folder / JOURNAL
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            path.touch()
            flush(self.folder)
            return
        whole = data[: data.rfind(b"\n") + 1]
        if len(whole) < len(data):  # a line was being written when the power went
            with path.open("r+b") as file:
                file.truncate(len(whole))
        for line in _parsed(whole):
            if line is None or not self._taken(line):
                self.unreadable += 1

    def _taken(self, line: dict[str, Any]) -> bool:
        try:
            self._take(line)
        except (KeyError, TypeError, ValueError):
            return False
        return True

    def _take(self, line: dict[str, Any]) -> None:
        """Bring what is known up to date with one line of the journal."""
        event = line["event"]
        if event == "settings":
            return
        content, source = line["content"], line["source"]
        stamp = None if source is None else Stamp(int(source["size"]), int(source["mtime_ns"]))
        if content is not None and stamp is not None:
            self._contents[line["film"], stamp.size, stamp.mtime_ns] = content
            self._sizes.add(stamp.size)
        if event == "seen":
            return
        self._settings.add(line["settings"])
        identity = identity_of(Path(line["film"]), content, stamp)
        if event == "done":
            made = Stamp(int(line["stamp"]["size"]), int(line["stamp"]["mtime_ns"]))
            self._done[line["output"]] = Done(
                content,
                line["settings"],
                line["output"],
                line["sha256"],
                made,
                int(line["seed"]),
                line["film"],
            )
            self._failed.pop((identity, line["settings"]), None)
        elif event == "failed":
            self._failed[identity, line["settings"]] = Failure(
                int(line["code"]),
                str(line["text"]),
                int(line["tries"]),
                bool(line["final"]),
                line["limit_s"],
            )
        else:
            raise ValueError(event)


def identity_of(film: Path, content: str | None, stamp: Stamp | None) -> str:
    """By what a film is known that may be unreadable: its content, or else its name and stamp."""
    if content is not None:
        return content
    return f"{film}?{stamp.size}?{stamp.mtime_ns}" if stamp else f"{film}?"


def sha_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits. Raises OSError."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def _parsed(data: bytes) -> Iterator[dict[str, Any] | None]:
    for line in data.splitlines():
        try:
            value = json.loads(line)
        except ValueError:
            yield None
            continue
        yield value if isinstance(value, dict) else None
