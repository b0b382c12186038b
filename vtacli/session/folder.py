"""The folder of a session: what its files are called, and what does not belong among them."""

from __future__ import annotations

import shutil
from collections.abc import Set
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vtacli import __version__
from vtacli.errors import ConfigError
from vtacli.session.files import PART, read_json
from vtacli.session.film import FilmFile
from vtacli.timeline import Span

SUFFIX = ".vta"
SCHEMA = 1
FACTS, JOURNAL, STATE = "session.json", "journal.jsonl", "state.json"
MOTION = "motion.npz"
TAKES, WORK = "takes", "work"


@dataclass(frozen=True)
class Facts:
    """What does not change: the film, and how long it is. ``starts_at``: its start timecode."""

    film: FilmFile
    duration_s: str
    frame_rate: str
    starts_at: str | None
    created: str

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "program": f"vta {__version__}",
            "created": self.created,
            "film": self.film.to_json(),
            "duration_s": self.duration_s,
            "frame_rate": self.frame_rate,
            "start_timecode": self.starts_at,
        }


def session_of(output: Path) -> Path:
    """The folder of the session that makes ``output``."""
    return output.with_name(output.stem + SUFFIX)


def find_session(path: Path) -> Path:
    """The session that ``path`` is, or that made the film of this name.

    Raises ConfigError where there is none.
    """
    for folder in (path, session_of(path)):
        if (folder / FACTS).is_file() and (folder / JOURNAL).is_file():
            return folder
    raise ConfigError(
        "There is no session here.", path=path, hint="`vta generate IN --session` makes one."
    )


def folder_of(span: Span) -> str:
    """Named by its bounds in seconds, which stay when scenes elsewhere come and go."""
    return f"{float(span.start_s):09.3f}-{float(span.end_s):09.3f}"


def clear(path: Path, known: Set[str]) -> None:
    """Remove what a crash left: files in the making, and takes that the journal does not name.

    ``known``: the takes' files, from the session's folder on.
    """
    shutil.rmtree(path / WORK, ignore_errors=True)
    for part in path.glob(f"*{PART}"):
        part.unlink(missing_ok=True)
    folder = path / TAKES
    if not folder.is_dir():
        return
    for file in sorted(folder.rglob("*")):
        if file.is_file() and file.relative_to(path).as_posix() not in known:
            file.unlink(missing_ok=True)
    for inner in sorted(folder.glob("*")):
        if inner.is_dir():
            with suppress(OSError):  # it is not empty
                inner.rmdir()


def read_facts(path: Path) -> Facts:
    """Raises ConfigError for what cannot be read, and for a form that is newer than this."""
    try:
        said = read_json(path / FACTS)
        schema = said["schema"]
        if isinstance(schema, int) and schema > SCHEMA:
            raise ConfigError(
                f"The session was made by a newer version ({said.get('program')}).",
                path=path,
                hint="Install that version, or a later one.",
            )
        return Facts(
            FilmFile.from_json(said["film"]),
            said["duration_s"],
            said["frame_rate"],
            said.get("start_timecode"),
            said["created"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ConfigError(
            "The session's facts cannot be read.",
            path=path / FACTS,
            hint="Bring the file back from a copy.",
        ) from error


def check_is_ours(path: Path) -> None:
    """Raise ConfigError where the folder is there and is something else."""
    if not path.exists():
        return
    if not path.is_dir():
        raise ConfigError("A file has the session's name.", path=path)
    known = {FACTS, JOURNAL, STATE, MOTION, TAKES, WORK, ".lock", ".holder"}
    strange = [p.name for p in path.iterdir() if p.name not in known and not p.name.endswith(PART)]
    if strange and not (path / FACTS).is_file():
        raise ConfigError(
            f"The folder is no session: it holds {strange[0]}.",
            path=path,
            hint="Choose another name for the output.",
        )
