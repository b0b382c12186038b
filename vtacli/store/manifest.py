"""The list of a model's files that lies beside them: sizes and hashes, to be held against later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from vtacli.errors import WeightsRefused
from vtacli.progress import Report, Step, ignore
from vtacli.store.pins import write_json

MANIFEST = "files.json"
SCHEMA = 1
_BLOCK = 1 << 20


@dataclass(frozen=True)
class Listed:
    """Bytes of a file, and its SHA-256 in hexadecimal digits."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """``files`` by their paths inside the model's folder; ``source``: where the model came from."""

    files: Mapping[str, Listed]
    source: str = ""


def write_manifest(folder: Path, source: str, report: Report = ignore) -> Manifest:
    """Hash every file of a model's folder and write the list. Raises StorageError."""
    paths = files_of(folder)
    total = sum(p.stat().st_size for p in paths)
    found: dict[str, Listed] = {}
    done = 0
    for path in paths:
        size = path.stat().st_size
        found[path.relative_to(folder).as_posix()] = Listed(
            size, hash_of(path, report, done, total)
        )
        done += size
    write_json(
        folder / MANIFEST,
        {
            "schema": SCHEMA,
            "source": source,
            "files": {k: {"size": v.size, "sha256": v.sha256} for k, v in found.items()},
        },
    )
    (folder / MANIFEST).chmod(0o644)  # of a shared cache, too
    return Manifest(found, source)


def read_manifest(folder: Path) -> Manifest | None:
    """The list, None where there is none. Raises WeightsRefused for one that is no list."""
    path = folder / MANIFEST
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        files = {str(k): _listed(v) for k, v in raw["files"].items()}
        return Manifest(files, str(raw.get("source", "")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise WeightsRefused(
            f"the list of files cannot be read: {error}.",
            path=path,
            hint="Import or pull the model again.",
        ) from error


def files_of(folder: Path) -> list[Path]:
    """Every file beneath a model's folder but its list and what is hidden, in order."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and path != folder / MANIFEST
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )


def hash_of(path: Path, report: Report = ignore, done: int = 0, total: int | None = None) -> str:
    """SHA-256 of a file. ``done`` of ``total`` bytes were hashed before it, for the progress."""
    digest = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            done += len(block)
            report(Step("hash", done, total, path.name))
    return digest.hexdigest()


def _listed(said: Any) -> Listed:
    size, digest = said["size"], said["sha256"]
    if type(size) is not int or not isinstance(digest, str):
        raise ValueError("sizes are numbers and hashes are text")
    return Listed(size, digest)
