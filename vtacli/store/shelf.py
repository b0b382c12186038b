"""What is installed on this machine: a list of it, what it takes, and taking it away."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import vtacli
from vtacli.errors import OutputError, StorageError, VtaError
from vtacli.model.describe import variant_of
from vtacli.shelves import find_model, installed, shelves
from vtacli.store.catalog import capabilities_of
from vtacli.store.folders import bytes_in
from vtacli.store.importing import PART
from vtacli.store.names import proper_name
from vtacli.store.place import DOWNLOADS, locked

GONE = ".gone"
_PART = re.compile(r"\.+(?P<name>.+?)\.\d+(\.files)?\.(part|gone)(\..*)?$")


@dataclass(frozen=True)
class Shelved:
    """A model that is here. ``shipped``: it came with the program. ``fault``: why it cannot be
    used; then ``variant`` and ``licence`` are empty."""

    name: str
    folder: Path
    variant: str
    licence: str
    capabilities: tuple[str, ...]
    size: int
    shipped: bool
    fault: str | None = None

    @property
    def commercial(self) -> bool | None:
        """Whether its licence allows commercial use, None where it is not known."""
        return "-NC" not in self.licence if self.licence else None

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "folder": str(self.folder),
            "variant": self.variant or None,
            "licence": self.licence or None,
            "commercial": self.commercial,
            "capabilities": list(self.capabilities),
            "size": self.size,
            "shipped": self.shipped,
            "fault": self.fault,
        }


def shelved(
    weights_dir: Path | None = None, environ: Mapping[str, str] = os.environ
) -> dict[str, Shelved]:
    """Every model that can be named here. Nothing but their JSON is opened; a broken one is listed
    with what is wrong."""
    found = installed(shelves(weights_dir, environ))
    return {name: describe(folder) for name, folder in sorted(found.items())}


def describe(folder: Path) -> Shelved:
    """What a model's folder says it is."""
    name, licence, fault = "", "", None
    able: tuple[str, ...] = ()
    try:
        facts = variant_of(folder)
        name, licence, able = facts.name, facts.licence, capabilities_of(facts)
    except VtaError as error:
        fault = str(error)
    return Shelved(
        name=folder.name,
        folder=folder,
        variant=name,
        licence=licence,
        capabilities=able,
        size=bytes_in(folder),
        shipped=is_shipped(folder),
        fault=fault,
    )


def folder_of(
    name: str, weights_dir: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path:
    """The folder of a model as it lies on its shelf, be it fit for use or not. Raises as
    :func:`vtacli.shelves.find_model`."""
    found = installed(shelves(weights_dir, environ)).get(name)
    return found if found is not None else find_model(name, weights_dir, environ)


def is_shipped(folder: Path) -> bool:
    """Whether a model came with the program, and belongs to the checkout or to the installer."""
    package = Path(vtacli.__file__).parent
    ours = (package.parent / "weights", package / "weights")
    return folder.parent.resolve() in [shelf.resolve() for shelf in ours]


def remove(
    name: str, weights_dir: Path | None = None, environ: Mapping[str, str] = os.environ
) -> tuple[Path, int]:
    """Take a model from its shelf. Returns where it was and the bytes that are free now.

    It is gone in one step, then deleted. Raises WeightsMissing with the nearest name, OutputError
    for a model that came with the program, StorageError where it cannot be deleted.
    """
    folder = folder_of(proper_name(name), weights_dir, environ)
    if is_shipped(folder):
        raise OutputError(f"{name} comes with vta and stays.", path=folder)
    try:
        if folder.is_symlink():
            folder.unlink()
            return folder, 0
        with locked(folder.parent, name):
            freed = bytes_in(folder)
            away = folder.with_name(f".{name}.{os.getpid()}{GONE}")
            folder.rename(away)
            shutil.rmtree(away, ignore_errors=True)
    except OSError as error:
        raise _cannot_delete(folder, error) from error
    except StorageError as error:  # a shelf that is only read has no place for a lock
        raise StorageError("this shelf cannot be written to.", path=folder) from error
    return folder, freed


def leftovers(
    weights_dir: Path | None = None, environ: Mapping[str, str] = os.environ
) -> dict[Path, int]:
    """What broken-off pulls, imports and removals left, with its bytes.

    Whoever is at work holds the lock of the model's name, and the system takes it from who dies:
    what is locked is not among these, nor is what lies on a shelf that is only read.
    """
    found: dict[Path, int] = {}
    for shelf in shelves(weights_dir, environ):
        if not shelf.is_dir():
            continue
        for path in sorted(shelf.glob(".*")):
            if path.name.endswith((PART, GONE)) and not _is_locked(shelf, _model_of(path.name)):
                found[path] = bytes_in(path)
        for path in sorted((shelf / DOWNLOADS).glob("*")):
            if not _is_locked(shelf, path.name):
                found[path] = bytes_in(path)
    return found


def prune(found: Mapping[Path, int]) -> int:
    """Delete leftovers. Returns the bytes that are free now. Raises StorageError."""
    freed = 0
    for path, size in found.items():
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise _cannot_delete(path, error) from error
        freed += size
    return freed


def _cannot_delete(path: Path, error: OSError) -> StorageError:
    return StorageError(f"cannot be deleted: {(error.strerror or str(error)).lower()}.", path=path)


def _model_of(part: str) -> str:
    """The name of the model that a hidden folder was to be, or was: ``.NAME.PROCESS.part``."""
    found = _PART.match(part)
    return found["name"] if found else part


def _is_locked(shelf: Path, name: str) -> bool:
    from filelock import FileLock, Timeout

    from vtacli.store.place import LOCKS

    if not (shelf / LOCKS).is_dir():
        return False
    try:
        with FileLock(shelf / LOCKS / f"{name}.lock", timeout=0):
            return False
    except (Timeout, OSError):
        return True
