"""Whether a model on this machine is what it should be: every file, and every number in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError, StorageError, VtaError, WeightsRefused
from vtacli.model.describe import INDEX, index_of, variant_of
from vtacli.model.headers import read_header
from vtacli.progress import Report, ignore
from vtacli.shelves import check_links
from vtacli.store.manifest import MANIFEST, Listed, Manifest, files_of, hash_of, read_manifest

LOADED = (".safetensors", ".json", ".jsonl", ".txt", ".bin", ".py", ".pt", ".ckpt", ".model")
"""Endings of what a model's opening may read: such a file that is not listed is refused."""


@dataclass(frozen=True)
class Finding:
    """One question asked of a model. ``ok`` None: it cannot be answered here."""

    check: str
    ok: bool | None
    found: str

    def to_dict(self) -> dict[str, Any]:
        return {"check": self.check, "ok": self.ok, "found": self.found}


@dataclass(frozen=True)
class Verified:
    """Everything that was asked of one model."""

    name: str
    folder: Path
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        return all(f.ok is not False for f in self.findings)

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "folder": str(self.folder),
            "ok": self.ok,
            "checks": [f.to_dict() for f in self.findings],
        }


def verify(
    folder: Path,
    *,
    name: str | None = None,
    expected: Mapping[str, Listed] | None = None,
    report: Report = ignore,
) -> Verified:
    """Ask everything of a model's folder: links, index, hashes, headers, numbers, shapes.

    ``expected``: sizes and hashes that a catalog or its pins give for files of the folder; they
    count beside the list that lies in it. Nothing is raised for what is wrong with the model: that
    is what was found.
    """
    return Verified(name or folder.name, folder, tuple(_all(folder, expected or {}, report)))


def problems(folder: Path, report: Report = ignore) -> list[str]:
    """What :func:`verify` finds wrong, a sentence each."""
    return [f.found for f in verify(folder, report=report).findings if f.ok is False]


def _all(folder: Path, expected: Mapping[str, Listed], report: Report) -> Iterator[Finding]:
    try:
        check_links(folder)
        index_of(folder)
    except (VtaError, OSError) as error:
        yield Finding("index", False, str(error))
        return
    yield Finding("index", True, variant_of(folder).name)
    yield from _hashes(folder, expected, report)
    whole = True
    for finding in _numbers(folder, report):
        whole = whole and finding.ok is True
        yield finding
    if whole:  # a network is built of weights only where their headers can be believed
        yield _shapes(folder)


def _hashes(folder: Path, expected: Mapping[str, Listed], report: Report) -> Iterator[Finding]:
    try:
        manifest = read_manifest(folder)
    except WeightsRefused as error:
        yield Finding("hashes", False, str(error))
        return
    if manifest is None and not expected:
        yield Finding("hashes", None, "not pinned: nothing here says what its files should be")
        return
    listed = {**(manifest.files if manifest else {}), **expected}
    faults = list(differing(folder, listed, report))
    if manifest is not None:
        faults += _unlisted(folder, manifest, expected)
        faults += [
            f"{path}: the catalog and {MANIFEST} differ"
            for path, said in expected.items()
            if path in manifest.files and manifest.files[path] != said
        ]
    for fault in faults:
        yield Finding("hashes", False, fault)
    if not faults:
        yield Finding("hashes", True, f"{len(listed)} files are what they were")


def differing(folder: Path, listed: Mapping[str, Listed], report: Report) -> Iterator[str]:
    """What differs between a folder and a list of its files, a few words each."""
    total, done = sum(said.size for said in listed.values()), 0
    for name, said in listed.items():
        path = folder / name
        try:
            # a list that names /etc/passwd or ../other is not followed
            if folder.resolve() not in path.resolve().parents or not path.is_file():
                yield f"{name}: missing"
            elif (size := path.stat().st_size) != said.size:
                yield f"{name}: {size} bytes, not {said.size}"
            elif hash_of(path, report, done, total) != said.sha256:
                yield f"{name}: other bytes than it had (SHA-256 differs)"
        except OSError as error:
            yield f"{name}: cannot be read: {error.strerror}"
        done += said.size


def _unlisted(folder: Path, manifest: Manifest, expected: Mapping[str, Listed]) -> list[str]:
    found = (p.relative_to(folder).as_posix() for p in files_of(folder) if p.suffix in LOADED)
    return [f"{n}: not in the list" for n in found if n not in manifest.files and n not in expected]


def _numbers(folder: Path, report: Report) -> Iterator[Finding]:
    """Headers of every file of weights, then the numbers in it."""
    from vtacli.store.finite import not_finite

    paths = sorted(folder.rglob("*.safetensors"))
    total, done, tensors, faults = sum(p.stat().st_size for p in paths), 0, 0, 0
    for path in paths:
        name = path.relative_to(folder).as_posix()
        try:
            header = read_header(path)
            bad = not_finite(path, header, report, done, total)
        except VtaError as error:
            faults += 1
            yield Finding("headers", False, f"{name}: {error.message}")
            continue
        except OSError as error:
            faults += 1
            yield Finding("headers", False, f"{name}: cannot be read: {error.strerror}")
            continue
        tensors += len(header.tensors)
        done += path.stat().st_size
        if bad:
            faults += 1
            more = ", …" if len(bad) > 3 else ""
            yield Finding(
                "numbers", False, f"{name}: NaN or infinity in {', '.join(bad[:3])}{more}"
            )
    if not paths:
        yield Finding("headers", False, f"there are no weights beside its {INDEX}")
    elif not faults:
        yield Finding("headers", True, f"{len(paths)} files of weights, {tensors} tensors")
        yield Finding("numbers", True, "all finite")


def _shapes(folder: Path) -> Finding:
    from vtacli.store.shapes import check_shapes

    try:
        check_shapes(folder)
    except (VtaError, ConfigError, StorageError) as error:
        return Finding("shapes", False, str(error))
    return Finding("shapes", True, "all as the settings of its parts say")
