"""A model carried to a machine without a network: as a folder, or as one file."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

from vtacli.errors import ConfigError, OutputError, StorageError, WeightsRefused
from vtacli.progress import Report, Step, ignore
from vtacli.store.archives import is_archive
from vtacli.store.manifest import MANIFEST, files_of, read_manifest, write_manifest
from vtacli.store.verify import differing

ARCHIVE = ".tar"


def export_model(folder: Path, target: Path, report: Report = ignore) -> Path:
    """Copy a model to ``target``: a ``.tar`` file, or a folder, made within one that is there.
    Returns what was made, which ``vta models import`` reads.

    The list of files with their hashes goes with it, and the copy is held against it before it gets
    its name. The same model always gives the same archive. Raises OutputError where something is
    there, WeightsRefused where the model is not what its list says, StorageError.
    """
    if target.is_dir():
        target = target / folder.name
    packed = target.suffix.lower() == ARCHIVE
    if target.exists() or target.is_symlink():
        raise OutputError("already there.", path=target, hint="Choose another name.")
    if is_archive(target) and not packed:
        raise ConfigError("a model is packed as .tar: weights do not compress.", path=target)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        copy = part / folder.name
        _copy(folder, copy, report)
        _check(copy, folder, report)
        made = copy
        if packed:
            made = part / target.name
            _pack(copy, made)
        made.replace(target)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise StorageError(f"cannot be written: {reason}.", path=target) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return target


def _copy(folder: Path, copy: Path, report: Report) -> None:
    paths = files_of(folder)
    if (folder / MANIFEST).is_file():
        paths.append(folder / MANIFEST)
    total, done = sum(p.stat().st_size for p in paths), 0
    for path in paths:
        target = copy / path.relative_to(folder)
        target.parent.mkdir(parents=True, exist_ok=True)
        report(Step("copy", done, total, path.name))
        shutil.copyfile(path, target)
        done += path.stat().st_size


def _check(copy: Path, folder: Path, report: Report) -> None:
    """Hold the copy against the model's list, or make the list where there is none."""
    manifest = read_manifest(copy)
    if manifest is None:
        write_manifest(copy, folder.name, report)
        return
    if wrong := list(differing(copy, manifest.files, report)):
        raise WeightsRefused(
            f"{'; '.join(wrong[:3])}.", path=folder, hint="See `vta models verify`."
        )


def _pack(folder: Path, archive: Path) -> None:
    """The folder as a tar without times, owners or an order that depends on the machine."""
    with archive.open("xb") as file:
        with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as packed:
            for path in sorted(p for p in folder.rglob("*") if p.is_file()):
                info = tarfile.TarInfo(f"{folder.name}/{path.relative_to(folder).as_posix()}")
                info.size, info.mode = path.stat().st_size, 0o644
                with path.open("rb") as data:
                    packed.addfile(info, data)
        file.flush()
        os.fsync(file.fileno())
