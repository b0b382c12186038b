"""A file fetched whole, checked while it streams, or not there at all.

It grows as ``NAME.part`` beside a note of what it is part of, goes on from there after a break,
and takes its name when its length and hash are what they should be and it is on the disk.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import json
import os
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vtacli.errors import StorageError, WeightsMissing, WeightsRefused
from vtacli.progress import Note, Report, Step, ignore
from vtacli.store.connection import Interrupted, Reply, ask

CHUNK = 1 << 18
SLOWEST_BYTES_PER_S = 1024
"""Slower than this for as long as a silence may last is a stall."""

FORWARD = 1 << 20
"""A try that came so many bytes further than any before it starts the count of tries anew."""

SPARE_BYTES = 64 << 20
"""What is to stay free on a disk."""

_REPORT_EVERY_S = 0.2


@dataclass(frozen=True)
class Patience:
    """How long a silence may last, how many tries in a row may come to nothing, how long to wait
    between them (twice as long each time), and how long a server may ask to wait."""

    stall_s: float = 30.0
    tries: int = 5
    wait_s: float = 1.0
    longest_wait_s: float = 120.0
    sleep: Callable[[float], None] = time.sleep


@dataclass(frozen=True)
class Fetched:
    """``transferred``: bytes that came for this, 0 where the file was here."""

    path: Path
    size: int
    sha256: str
    transferred: int


@dataclass(frozen=True)
class _Note:
    """What a part is part of, kept beside it."""

    url: str
    validator: str | None
    sha256: str | None


def fetch(
    url: str,
    target: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    report: Report = ignore,
    secret: Mapping[str, str] | None = None,
    allow_http: bool = False,
    patience: Patience | None = None,
) -> Fetched:
    """Bring the file at ``url`` (https, http, file) to ``target``.

    ``size`` in bytes and ``sha256``: what it has to be, where known. A target that is there and is
    that is left alone. Raises WeightsMissing where it cannot be had, WeightsRefused where it is
    not what it should be, StorageError where it cannot be written, ConfigError for an address that
    is not asked. One process at a time may fetch a target.
    """
    patience = patience or Patience()
    work = _Transfer(url, target, size, sha256, report, secret, allow_http, patience)
    try:
        if target.is_file():
            found = target.stat().st_size
            if size in (None, found):
                digest = hash_of(target)
                if sha256 in (None, digest):
                    work.forget()  # what a process left that was killed just after the naming
                    return Fetched(target, found, digest, 0)
            target.unlink()
        target.parent.mkdir(parents=True, exist_ok=True)
        return work.run()
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        why = "the disk is full" if full else f"cannot be written: {error.strerror or error}"
        raise StorageError(
            f"{why}.", path=target, hint="Free some space; the next try goes on from there."
        ) from error


def hash_of(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def part_of(target: Path) -> Path:
    """Where a target grows."""
    return target.with_name(f"{target.name}.part")


def sync_folder(folder: Path) -> None:
    """Put a folder's names on the disk, where the system can."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_space(folder: Path, needed: int) -> None:
    """Raise StorageError where a folder's disk has not so many bytes to spare."""
    free = shutil.disk_usage(folder).free
    if needed + SPARE_BYTES > free:
        raise StorageError(
            f"{needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free.",
            path=folder,
            hint="Free some space, or name another disk with --weights-dir.",
        )


class _Transfer:
    def __init__(
        self,
        url: str,
        target: Path,
        size: int | None,
        sha256: str | None,
        report: Report,
        secret: Mapping[str, str] | None,
        allow_http: bool,
        patience: Patience,
    ) -> None:
        self.url, self.target = url, target
        self.size, self.sha256 = size, sha256
        self.report, self.secret, self.allow_http = report, secret, allow_http
        self.patience = patience
        self.part = part_of(target)
        self.note_file = target.with_name(f"{target.name}.part.json")
        self.transferred = 0

    def run(self) -> Fetched:
        tries, wait = 0, self.patience.wait_s
        furthest = self._kept()
        while True:
            try:
                return self._once()
            except Interrupted as broken:
                # Bytes that came are no progress where each try begins anew.
                if self._kept() >= furthest + FORWARD:
                    tries, wait, furthest = 0, self.patience.wait_s, self._kept()
                tries += 1
                pause = wait if broken.wait_s is None else broken.wait_s
                if tries >= self.patience.tries or pause > self.patience.longest_wait_s:
                    raise self._given_up(broken) from broken
                self.report(Note(f"{self.target.name}: {broken}; again in {pause:.0f} s", "detail"))
                self.patience.sleep(pause)
                wait *= 2

    def _given_up(self, broken: Interrupted) -> WeightsMissing:
        asked = ""
        if broken.wait_s is not None and broken.wait_s > self.patience.longest_wait_s:
            asked = f" and asks to wait for {broken.wait_s:.0f} s"
        kept = self._kept()
        then = f"{kept / 1e6:.1f} MB are kept: the next pull goes on from there." if kept else ""
        return WeightsMissing(
            f"{self.target.name} did not come: {broken}{asked}.", hint=then or "Try again later."
        )

    def _kept(self) -> int:
        return self.part.stat().st_size if self.part.is_file() else 0

    def _once(self) -> Fetched:
        """One request, from where the part ends, to the file's end."""
        done, digest, validator = self._resumed()
        if done and done == self.size and digest.hexdigest() == self.sha256:
            return self._finished(done, digest.hexdigest())  # stopped just before its name
        reply = ask(
            self.url,
            start=done,
            validator=validator,
            secret=self.secret,
            allow_http=self.allow_http,
            timeout_s=self.patience.stall_s,
        )
        try:
            if reply.status == 416:  # there is nothing beyond what is here
                if reply.total != done:
                    self.forget()
                    raise Interrupted("the server's file is shorter than what is here")
                return self._checked(done, digest.hexdigest(), resumed=True)
            if reply.start == 0:
                done, digest = 0, hashlib.sha256()
            total = self._expected(reply)
            if total is not None:
                check_space(self.target.parent, total - done)
            resumed = done > 0
            done = self._stream(reply, done, digest, total)
        finally:
            reply.body.close()
        if total is not None and done < total:
            raise Interrupted(f"the connection ended after {done} of {total} bytes")
        return self._checked(done, digest.hexdigest(), resumed)

    def _resumed(self) -> tuple[int, Any, str | None]:
        """What is here of this very file: its bytes, their hash, and what If-Range shall carry."""
        digest = hashlib.sha256()
        note = self._noted()
        same = note is not None and (
            (note.url == self.url and note.validator is not None)
            or (self.sha256 is not None and note.sha256 == self.sha256)
        )
        if note is None or not same or not self.part.is_file():
            return 0, digest, None
        done = self.part.stat().st_size
        if self.size is not None and done > self.size:
            return 0, digest, None
        with self.part.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
        # A known hash decides by itself whether the rest fits, whatever the server calls it.
        return done, digest, note.validator if note.url == self.url else None

    def _noted(self) -> _Note | None:
        try:
            return _Note(**json.loads(self.note_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def _expected(self, reply: Reply) -> int | None:
        """The file's whole length. Raises WeightsRefused where it cannot be the right one."""
        if self.size is not None and reply.total not in (None, self.size):
            raise WeightsRefused(
                f"{self.url}: the server's file has {reply.total} bytes, not {self.size}.",
                hint="It is another file, or another version of it.",
            )
        if reply.kind == "text/html" and not self.target.name.endswith((".html", ".htm")):
            raise self._page()
        total = reply.total if self.size is None else self.size
        if total is None and not reply.self_ending and self.sha256 is None:
            raise WeightsRefused(
                f"{self.url}: the server does not say how long the file is, so a piece of it could "
                "pass for all of it."
            )
        return total

    def _page(self) -> WeightsRefused:
        return WeightsRefused(
            f"{self.url}: the server sent a web page in the file's place.",
            hint="Open the address in a browser: it may want a login, or the network a sign-in.",
        )

    def _stream(self, reply: Reply, done: int, digest: Any, total: int | None) -> int:
        """The body to the part; returns how many bytes the part has then."""
        self._write_note(reply)
        began = reported = pace = time.monotonic()
        start, at_pace = done, done
        with self.part.open("r+b" if done else "wb") as file:
            file.seek(done)
            file.truncate()
            while True:
                try:
                    chunk = reply.body.read1(CHUNK)
                except TimeoutError as error:
                    raise Interrupted(f"nothing came for {self.patience.stall_s:g} s") from error
                except (http.client.HTTPException, OSError) as error:
                    raise Interrupted(f"the connection broke after {done} bytes") from error
                if not chunk:
                    break
                if start == done == 0:
                    self._look(chunk)
                if total is not None and done + len(chunk) > total:
                    self.forget()
                    raise WeightsRefused(f"{self.url}: more came than the file's {total} bytes.")
                file.write(chunk)
                digest.update(chunk)
                done += len(chunk)
                self.transferred += len(chunk)
                now = time.monotonic()
                if now - reported >= _REPORT_EVERY_S or done == total:
                    reported = now
                    self._tell(done, total, (done - start) / max(now - began, 1e-3))
                if now - pace >= self.patience.stall_s:
                    if done - at_pace < SLOWEST_BYTES_PER_S * self.patience.stall_s:
                        raise Interrupted(f"only {done - at_pace} bytes in {now - pace:.0f} s")
                    pace, at_pace = now, done
            file.flush()
            os.fsync(file.fileno())
        return done

    def _look(self, first: bytes) -> None:
        """Refuse what pretends to be the file and can be told by its beginning."""
        beginning = first[:512].lstrip().lower()
        if beginning.startswith((b"<!doctype html", b"<html")):
            self.forget()
            raise self._page()
        if beginning.startswith(b"version https://git-lfs"):
            self.forget()
            raise WeightsRefused(
                f"{self.url}: the server sent a Git LFS pointer in the file's place.",
                hint="A mirror of a repository needs `git lfs pull`.",
            )

    def _tell(self, done: int, total: int | None, per_s: float) -> None:
        of = "" if total is None else f" of {total / 1e6:.1f}"
        detail = f"{done / 1e6:.1f}{of} MB, {per_s / 1e6:.1f} MB/s"
        self.report(Step(f"fetch {self.target.name}", done, total, detail))

    def _checked(self, done: int, digest: str, resumed: bool) -> Fetched:
        wrong = None
        if self.size is not None and done != self.size:
            wrong = f"it has {done} bytes, not {self.size}"
        elif self.sha256 is not None and digest != self.sha256:
            wrong = f"its SHA-256 is {digest}, not {self.sha256}"
        elif done == 0:
            wrong = "it is empty"
        if wrong is None:
            return self._finished(done, digest)
        self.forget()
        if resumed:  # what was here before may be what is wrong: once more, from the beginning
            raise Interrupted(f"the pieces do not fit: {wrong}", 0.0)
        raise WeightsRefused(
            f"{self.url}: what came is not the file: {wrong}.", hint="Nothing of it was kept."
        )

    def _finished(self, done: int, digest: str) -> Fetched:
        self.part.replace(self.target)
        self.note_file.unlink(missing_ok=True)
        sync_folder(self.target.parent)
        return Fetched(self.target, done, digest, self.transferred)

    def _write_note(self, reply: Reply) -> None:
        # The old part goes before a note of something else is written: at no moment may bytes of
        # one file lie beside a note of another.
        if reply.start == 0:
            self.part.unlink(missing_ok=True)
        said = {"url": self.url, "validator": reply.validator, "sha256": self.sha256}
        fresh = self.note_file.with_name(f"{self.note_file.name}.new")
        fresh.write_text(json.dumps(said), encoding="utf-8")
        fresh.replace(self.note_file)

    def forget(self) -> None:
        """Delete the part and its note."""
        self.part.unlink(missing_ok=True)
        self.note_file.unlink(missing_ok=True)
