"""The film that a session belongs to: found by its name, known by its content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from vtacli.errors import MediaError
from vtacli.media.door import check_input
from vtacli.session.files import hash_file


@dataclass(frozen=True)
class FilmFile:
    """``path``: relative to the session where the film lies beside it, else absolute.
    ``changed_ns``: when the file was last written; where that and the size are as they were, the
    content is believed to be."""

    path: str
    size: int
    sha256: str
    changed_ns: int

    @classmethod
    def of(cls, film: Path, session: Path) -> FilmFile:
        """Reads the film once, for its hash. Raises MediaError."""
        film = check_input(film)
        found = film.stat()
        return cls(stored(film, session), found.st_size, hash_file(film), found.st_mtime_ns)

    def found(self, session: Path) -> Path:
        """Where the film lies. Raises MediaError where it is gone or is another."""
        film = place_of(self.path, session)
        if not film.exists():
            raise MediaError(
                "The session's film is not there any more.",
                path=film,
                hint="Say where it is with --film.",
            )
        self.check(film)
        return film

    def check(self, film: Path) -> None:
        """Raise MediaError where ``film`` is not the film of the session."""
        now = check_input(film).stat()
        if now.st_size == self.size and now.st_mtime_ns == self.changed_ns:
            return
        if now.st_size != self.size or hash_file(film) != self.sha256:
            raise MediaError(
                "This is not the film that the session was made for, or it has changed since.",
                path=film,
                hint="Bring the film back, or begin another session with `vta generate`.",
            )

    def moved_to(self, film: Path, session: Path) -> FilmFile:
        """The same film in another place. Raises MediaError where it is another film."""
        self.check(film)
        now = check_input(film).stat()
        return replace(self, path=stored(film, session), changed_ns=now.st_mtime_ns)

    def to_json(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "size": self.size,
            "sha256": self.sha256,
            "changed_ns": self.changed_ns,
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> FilmFile:
        return cls(
            str(said["path"]), int(said["size"]), str(said["sha256"]), int(said["changed_ns"])
        )


def stored(path: Path, session: Path) -> str:
    """How a session names a file: from its own folder's neighbourhood where the file lies beside
    it or below, so that all may be moved together; else with its whole path."""
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - links are kept
    beside = Path(os.path.abspath(session)).parent  # noqa: PTH100
    return whole.relative_to(beside).as_posix() if whole.is_relative_to(beside) else str(whole)


def place_of(name: str, session: Path) -> Path:
    """The file that :func:`stored` named."""
    return Path(os.path.abspath(session)).parent / name  # noqa: PTH100
