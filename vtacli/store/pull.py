"""A model of the catalog brought to this machine: the one thing here that opens a connection.

The files come into ``.downloads/NAME`` of the store, where a pull that broke off finds them again,
and become a model's folder there in one step at the end. Whoever pulls the same model meanwhile
waits, and finds it done.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from vtacli.errors import StorageError, WeightsMissing, WeightsRefused
from vtacli.progress import Note, Report, Step, ignore
from vtacli.store.catalog import FOLDER, PUBLISHED, SHIPPED, CatalogFile, Entry
from vtacli.store.connection import check_url
from vtacli.store.hub import look_up, offline_error
from vtacli.store.licences import require_acceptance
from vtacli.store.pins import Pin, pin_of, read_pins, record_pins, with_pins
from vtacli.store.place import DOWNLOADS, installed_folder, locked, store_to_write
from vtacli.store.transfer import (
    Fetched,
    Patience,
    check_space,
    fetch,
    part_of,
)


@dataclass(frozen=True)
class Pulled:
    """``already``: it was here, or another process brought it. ``transferred``: bytes that came.
    ``pinned``: files whose size or hash the catalog leaves open, and that were recorded now."""

    name: str
    folder: Path
    already: bool
    transferred: int = 0
    pinned: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "folder": str(self.folder),
            "already": self.already,
            "transferred_bytes": self.transferred,
            "pinned_now": list(self.pinned),
        }


@dataclass(frozen=True)
class _Source:
    """Where a file of the model is fetched, and what is known of it beforehand."""

    file: CatalogFile
    url: str
    revision: str | None
    size: int | None
    sha256: str | None
    git_sha1: str | None = None
    secret: Mapping[str, str] | None = None


def pull(
    entry: Entry,
    *,
    weights_dir: Path | None = None,
    accept_licence: bool = False,
    allow_http: bool = False,
    mirror: str | None = None,
    report: Report = ignore,
    patience: Patience | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Pulled:
    """Bring a model here, unless it is.

    ``mirror``: an address under which the files lie as ``NAME/PATH``; it is asked in place of the
    catalog's sources. ``allow_http``: plain HTTP to other machines too. Raises WeightsMissing
    where files cannot be had, WeightsRefused where they are not what they should be or the licence
    is not accepted, StorageError where they cannot be written, ConfigError for bad addresses.
    """
    if (folder := installed_folder(entry.name, weights_dir, environ)) is not None:
        return Pulled(entry.name, folder, already=True)
    if entry.form == SHIPPED:
        raise WeightsMissing(
            f"{entry.name} comes with vta, and is missing from it.", hint="Install vta again."
        )
    require_acceptance(entry, accept_licence, report)
    if mirror is not None:
        check_url(mirror, allow_http=allow_http)
    store = store_to_write(weights_dir, environ)
    with locked(store, entry.name, _waiting(entry.name, report)):
        if (found := installed_folder(entry.name, weights_dir, environ)) is not None:
            return Pulled(entry.name, found, already=True)
        folder = store / entry.name
        _check_free(folder)
        work = _Pull(entry, store, mirror, allow_http, report, patience or Patience())
        return work.run(folder)


def download_folder(store: Path, name: str) -> Path:
    """Where the files of a pull wait until they are all there."""
    return store / DOWNLOADS / name


class _Pull:
    def __init__(
        self,
        entry: Entry,
        store: Path,
        mirror: str | None,
        allow_http: bool,
        report: Report,
        patience: Patience,
    ) -> None:
        self.entry, self.store, self.mirror = entry, store, mirror
        self.allow_http, self.report, self.patience = allow_http, report, patience
        self.files = download_folder(store, entry.name)
        self.pins: Mapping[str, Pin] = read_pins(store).get(entry.name, {})

    def run(self, folder: Path) -> Pulled:
        try:
            self.files.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StorageError(f"cannot be made: {error.strerror}.", path=self.files) from error
        pinned = with_pins(self.entry, {self.entry.name: self.pins})
        sources = [self._source(file) for file in pinned.files]
        self._check_space(sources)
        transferred, new = 0, {}
        for source in sources:
            fetched = self._fetched(source)
            transferred += fetched.transferred
            if (pin := self._pin(source, fetched)) is not None:
                new[source.file.path] = pin
        self._tidy()
        self.report(Step(f"install {self.entry.name}", 0))
        try:
            _install(self.entry, self.files, self.store, self.report)
        except WeightsRefused:
            for path in new:  # nothing says that these are right, and the next try may bring others
                (self.files / path).unlink(missing_ok=True)
            raise
        if new:  # only what made a model is worth holding later pulls to
            record_pins(self.store, self.entry.name, new)
            self.report(
                Note(
                    f"{self.entry.name}: the catalog does not pin {', '.join(new)}; what came is "
                    "recorded, and later pulls are held to it."
                )
            )
        shutil.rmtree(self.files, ignore_errors=True)
        return Pulled(self.entry.name, folder, False, transferred, tuple(new))

    def _tidy(self) -> None:
        """Delete what an earlier row of this name fetched and this one does not name."""
        wanted = {self.files / file.path for file in self.entry.files}
        for path in self.files.rglob("*"):
            if path not in wanted and (path.is_symlink() or not path.is_dir()):
                path.unlink()

    def _source(self, file: CatalogFile) -> _Source:
        pin = pin_of(self._of_catalog(file), self.pins)
        revision = pin.revision if pin is not None and pin.revision else file.revision
        known = _Source(file, "", revision, file.size, file.sha256)
        if self.mirror is not None:
            if _offline() and not self.mirror.startswith("file:"):
                raise offline_error()
            name = quote(f"{self.entry.name}/{file.path}")
            return replace(known, url=f"{self.mirror.rstrip('/')}/{name}")
        if file.url is not None:
            if _offline() and not file.url.startswith("file:"):
                raise offline_error()
            return replace(known, url=file.url)
        assert file.repository is not None
        assert revision is not None
        self.report(Step(f"ask the hub for {file.path}", 0))
        found = look_up(
            file.repository,
            file.name or file.path,
            revision,
            allow_http=self.allow_http,
            report=self.report,
            patience=self.patience,
        )
        for what, theirs, ours in (
            ("bytes", found.size, file.size),
            ("SHA-256", found.sha256, file.sha256),
        ):
            if None not in (theirs, ours) and theirs != ours:
                raise WeightsRefused(
                    f"{file.source}: the hub's file has {what} {theirs}, not {ours}.",
                    hint="The hub's file has changed, or is not the one that the catalog means.",
                )
        return replace(
            known,
            url=found.url,
            revision=found.revision,
            size=found.size if file.size is None else file.size,
            sha256=file.sha256 or found.sha256,
            git_sha1=found.git_sha1,
            secret=found.secret,
        )

    def _of_catalog(self, file: CatalogFile) -> CatalogFile:
        return next(f for f in self.entry.files if f.path == file.path)

    def _check_space(self, sources: list[_Source]) -> None:
        """Room for what is still to come, and for the model that is made of all of it."""
        whole = sum(s.size or 0 for s in sources)
        here = 0
        for source in sources:
            target = self.files / source.file.path
            for path in (target, part_of(target)):
                here += path.stat().st_size if path.is_file() else 0
        check_space(self.store, max(0, whole - here) + whole)

    def _fetched(self, source: _Source) -> Fetched:
        target = self.files / source.file.path
        fetched = fetch(
            source.url,
            target,
            size=source.size,
            sha256=source.sha256,
            report=self.report,
            secret=source.secret,
            allow_http=self.allow_http,
            patience=self.patience,
        )
        if source.git_sha1 is not None and _blob_hash(target) != source.git_sha1:
            target.unlink()
            raise WeightsRefused(
                f"{source.file.source}: what came is not the file that the hub has.",
                hint="Nothing of it was kept.",
            )
        return fetched

    def _pin(self, source: _Source, fetched: Fetched) -> Pin | None:
        """What is to be recorded of a file: None where the catalog or an earlier pull says all."""
        said = self._of_catalog(source.file)
        if said.pinned or pin_of(said, self.pins) is not None:
            return None
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return Pin(said.source, source.revision, fetched.size, fetched.sha256, now)


def _install(entry: Entry, files: Path, store: Path, report: Report) -> None:
    """The fetched files become the model's folder, in one step."""
    from vtacli.model.describe import variant_of
    from vtacli.store.importing import import_model

    if entry.form == FOLDER and (found := variant_of(files).name) != entry.variant:
        raise WeightsRefused(
            f"the catalog says {entry.variant}, the files say {found}.", path=entry.origin
        )
    import_model(
        files,
        store,
        name=entry.name,
        variant=entry.variant if entry.form == PUBLISHED else None,
        origin=entry.source or None,
        report=report,
        hold_lock=False,
    )


def _check_free(folder: Path) -> None:
    if folder.exists():
        raise StorageError(
            "something that is no model lies where the model is to be.",
            path=folder,
            hint="Move it away.",
        )


def _waiting(name: str, report: Report) -> Iterator[None]:
    report(Note(f"Another vta is at work at {name}: waiting for it."))
    while True:
        report(Step(f"wait for the other vta at {name}", 0))
        yield


def _blob_hash(path: Path) -> str:
    """The hash by which git, and so the hub, knows a small file."""
    data = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _offline() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
