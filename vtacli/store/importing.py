"""Bringing files that are on this machine onto a shelf, as a model that can be used.

Foreign files are opened by another process, :mod:`vtacli.store.converter`, under limits of memory
and time. What it made appears on the shelf whole, under its name, or not at all.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from time import monotonic
from typing import Any

from vtacli.errors import ConfigError, OutputError, StorageError, WeightsRefused
from vtacli.model.describe import variant_of
from vtacli.progress import Note, Report, Step, ignore
from vtacli.store.archives import SUFFIXES, is_archive
from vtacli.store.folders import bytes_in, kind_of
from vtacli.store.names import proper_name
from vtacli.store.place import locked

PART = ".part"
LEAST_TIME_S = 600.0
BYTES_PER_S = 2e6
"""A conversion may take LEAST_TIME_S, and longer for large files: even a slow disk is faster."""
_ASK_EVERY_S = 0.1


@dataclass(frozen=True)
class Imported:
    """``kind``: ``published`` files or a ``folder``. ``left``: files that were not taken.
    ``peak_bytes``: memory that the conversion took at most, where the system says so."""

    name: str
    folder: Path
    variant: str
    licence: str
    size: int
    kind: str
    left: tuple[str, ...]
    peak_bytes: int | None

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "folder": str(self.folder),
            "variant": self.variant,
            "licence": self.licence,
            "size": self.size,
            "kind": self.kind,
            "left": list(self.left),
            "peak_bytes": self.peak_bytes,
        }


def import_model(
    source: Path,
    store: Path,
    *,
    name: str | None = None,
    summary: str | None = None,
    variant: str | None = None,
    origin: str | None = None,
    report: Report = ignore,
    limit_s: float | None = None,
    hold_lock: bool = True,
) -> Imported:
    """Make ``store/name`` of a folder of published files, of a model's folder, or of an archive of
    either, and verify it.

    ``name``: None is the source's own. ``summary`` and ``variant``: see
    :func:`vtacli.model.checkpoint.import_published`. ``origin``: where the files came from, for
    the record. ``limit_s``: seconds that it may take. ``hold_lock``: False where the caller holds
    the lock of this name. Raises WeightsMissing, WeightsRefused, ConfigError for a bad name,
    OutputError where a model of that name is on the shelf, StorageError.
    """
    name = proper_name(name if name is not None else name_of(source))
    kind_of(source)  # what is no model is refused before anything is started
    if hold_lock:
        with locked(store, name):
            return import_model(
                source, store, name=name, summary=summary, variant=variant, origin=origin,
                report=report, limit_s=limit_s, hold_lock=False,
            )  # fmt: skip
    target = store / name
    _check_free(target)
    size = bytes_in(source)
    if size > shutil.disk_usage(store).free:
        raise StorageError(
            f"the disk has too little room for {size / 1e6:.0f} MB.",
            path=store,
            hint="Free some, or choose another place with --weights-dir.",
        )
    building = store / f".{name}.{os.getpid()}{PART}"
    unpacked = store / f".{name}.{os.getpid()}.files{PART}"
    job = {
        "source": str(source.resolve()),
        "out": str(building),
        "scratch": str(unpacked),
        "summary": summary,
        "variant": variant,
        "origin": origin or str(source.resolve()),
        "limit_s": limit_s or LEAST_TIME_S + size / BYTES_PER_S,
    }
    try:
        told = _convert(job, building, size, report)
        _flush(building)
        facts = variant_of(building)
        _check_free(target)
        building.replace(target)
        _flush_folder(store)
    except OSError as error:
        raise StorageError(f"cannot write the model: {error.strerror}.", path=target) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
        shutil.rmtree(unpacked, ignore_errors=True)
    if told["left"]:
        report(Note(f"Left behind, being no part of a model: {', '.join(told['left'])}.", "detail"))
    return Imported(
        name=name,
        folder=target,
        variant=facts.name,
        licence=facts.licence,
        size=bytes_in(target),
        kind=told["kind"],
        left=tuple(told["left"]),
        peak_bytes=told["peak_bytes"],
    )


def name_of(source: Path) -> str:
    """A name for what has none: the file's or folder's, without an archive's ending. Raises
    ConfigError where nothing is left of it."""
    path = source.resolve()
    name = path.name
    if path.parent.name == "snapshots":  # of the hub's cache: models--owner--name/snapshots/HASH
        name = path.parent.parent.name.rsplit("--", 1)[-1]
    if source.is_file() and is_archive(source):
        ending = max((s for s in SUFFIXES if name.lower().endswith(s)), key=len)
        name = name[: -len(ending)]
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
    if not name:
        raise ConfigError("It needs a name.", path=source, hint="Give it one with --name.")
    return name[:100]


def _check_free(target: Path) -> None:
    if target.exists() or target.is_symlink():
        raise OutputError(
            f"a model named {target.name} is already there.",
            path=target,
            hint=f"Choose another with --name, or `vta models rm {target.name}` first.",
        )


def _convert(job: Mapping[str, Any], building: Path, size: int, report: Report) -> dict[str, Any]:
    from vtacli.store.converter import raised

    environ = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    with TemporaryFile() as out, TemporaryFile() as err:
        child = subprocess.Popen(
            [sys.executable, "-m", "vtacli.store.converter"],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=err,
            env=environ,
        )
        assert child.stdin is not None
        began = monotonic()
        try:
            with suppress(BrokenPipeError):
                child.stdin.write(json.dumps(job).encode() + b"\n")
                child.stdin.flush()  # and left open: the child ends when it closes
            while not _ended(child):
                report(Step("convert", min(bytes_in(building), size), size))
                if monotonic() - began > job["limit_s"]:
                    raise WeightsRefused(
                        f"converting it took longer than {job['limit_s']:g} s.",
                        path=job["source"],
                    )
        finally:
            if child.poll() is None:
                child.kill()
            child.wait()
            with suppress(BrokenPipeError):
                child.stdin.close()
        out.seek(0)
        err.seek(0)
        try:
            told: dict[str, Any] = json.loads(out.read())
        except ValueError:
            lines = err.read().decode(errors="replace").strip().splitlines() or ["no word"]
            raise WeightsRefused(
                f"it cannot be converted (code {child.returncode}: {lines[-1][:300]}).",
                path=job["source"],
            ) from None
    if "error" in told:
        raise raised(told)
    return told


def _ended(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(_ASK_EVERY_S)
    except subprocess.TimeoutExpired:
        return False
    return True


def _flush(folder: Path) -> None:
    """To the disk, every file and folder: a name is given to nothing that may still be lost."""
    for path in [*folder.rglob("*"), folder]:
        _flush_folder(path)


def _flush_folder(path: Path) -> None:
    if os.name == "nt" and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
