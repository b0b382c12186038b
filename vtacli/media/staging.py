"""Files that appear together under their own names when all of them are done, or not at all."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from vtacli.errors import OutputError, StorageError
from vtacli.media.door import check_destination


class Staging:
    """A set of files in the making; a context manager.

    Each is written under a hidden name in the folder that it is for. Leaving the ``with`` block
    flushes all of them to the disk and then gives them their names, one right after the other;
    leaving it by an exception deletes them. Where a name cannot be given, names that were given
    are taken back, and files that were replaced return. A file alone takes the old one's place in
    one step. ``source``: a film that none of them may be.
    """

    def __init__(self, overwrite: bool = False, source: Path | None = None) -> None:
        self._overwrite, self._source = overwrite, source
        self._parts: dict[Path, Path] = {}

    @property
    def targets(self) -> tuple[Path, ...]:
        """The names that the files will have, in the order of :meth:`part`."""
        return tuple(self._parts)

    def part(self, path: Path | str) -> Path:
        """The name, of an empty file that was made for it, under which ``path`` is to be written.

        Raises OutputError where ``path`` may not be written, exists without leave to overwrite
        it, or was asked for before (names that differ in case alone are one on many disks).
        """
        target = check_destination(self._source, path, self._overwrite)
        if str(target).casefold() in (str(known).casefold() for known in self._parts):
            raise OutputError("Two files of one set have the same name.", path=target)
        part = target.with_name(f".vta-{secrets.token_hex(6)}.part{target.suffix}")
        try:
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        except OSError as error:
            raise OutputError(
                f"The folder cannot be written to: {(error.strerror or str(error)).lower()}.",
                path=target.parent,
            ) from error
        self._parts[target] = part
        return part

    def __enter__(self) -> Staging:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                for part in self._parts.values():
                    flush(part)
                self._publish()
        finally:
            for part in self._parts.values():
                with suppress(OSError):
                    part.unlink(missing_ok=True)

    def _publish(self) -> None:
        for target in self._parts:
            check_destination(self._source, target, self._overwrite)  # hours may have passed
        # What was done is read from the disk when it has to be undone: a signal can come between
        # a rename and the line after it.
        kept: dict[Path, Path] = {}
        alone = len(self._parts) == 1
        try:
            for target, part in self._parts.items():
                if alone:
                    part.replace(target)
                    continue
                if target.exists():
                    kept[target] = target.with_name(f".vta-{secrets.token_hex(6)}.old")
                    target.rename(kept[target])
                part.rename(target)
        except BaseException as error:
            for done, part in self._parts.items():
                if not part.exists() and not alone:
                    done.unlink(missing_ok=True)
                if done in kept and kept[done].exists():
                    kept[done].rename(done)
            if isinstance(error, OSError):
                raise StorageError(
                    f"The finished files could not be given their names: {error.strerror}.",
                    path=target,
                ) from error
            raise
        for old in kept.values():
            with suppress(OSError):
                old.unlink()
        for folder in {target.parent for target in self._parts}:
            flush(folder)


def flush(path: Path) -> None:
    """Have the disk hold what was written to a file, or the names in a folder.

    Raises StorageError where a file cannot be flushed; some file systems cannot flush folders.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if path.is_dir():
            return
        raise StorageError(f"Writing failed: {error.strerror}.", path=path) from error
