"""The catalog: which models there are, what they can do, where they come from, on what terms.

A catalog is a TOML file with a table for each model (``weights/catalog.toml`` says how it looks).
Users add their own: in the user's config folder, by ``VTA_CATALOG``, by ``--catalog``. A row of a
later one replaces an earlier row of that name. What is not known is left out; it is then not yet
pinned, and the first pull records it (see :mod:`vtacli.store.pins`).
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

import vtacli
from vtacli.errors import ConfigError, WeightsMissing, printable
from vtacli.model.variants import VARIANTS
from vtacli.store.connection import check_url
from vtacli.store.entry import (
    FOLDER,
    FORMS,
    PUBLISHED,
    SHIPPED,
    CatalogFile,
    Entry,
    LicensedPart,
    capabilities_of,
)
from vtacli.store.toml_lines import line_of

__all__ = [
    "FOLDER",
    "PUBLISHED",
    "SHIPPED",
    "CatalogFile",
    "Entry",
    "capabilities_of",
    "catalog_paths",
    "entry_of",
    "read_catalog",
    "shipped_catalog",
]

FILE = "catalog.toml"
SCHEMA = 1

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_HASH = re.compile(r"[0-9a-f]{64}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*")


def shipped_catalog() -> Path:
    """The catalog that came with the program: of the checkout, or of the installed package."""
    package = Path(vtacli.__file__).parent
    beside = package.parent / "weights" / FILE
    return beside if beside.is_file() else package / "weights" / FILE


def catalog_paths(
    more: Iterable[Path] = (), environ: Mapping[str, str] = os.environ
) -> tuple[Path, ...]:
    """The catalogs that are read, in order: ours, the user's, ``VTA_CATALOG``'s, then ``more``.

    ``VTA_CATALOG`` may name several, parted as in ``PATH``. Files that were asked for by name
    are listed whether they exist or not: reading them then says so.
    """
    from platformdirs import user_config_path

    users = user_config_path("vta", appauthor=False) / FILE
    named = [Path(p) for p in environ.get("VTA_CATALOG", "").split(os.pathsep) if p]
    return (shipped_catalog(), *([users] if users.is_file() else []), *named, *more)


def read_catalog(paths: Iterable[Path]) -> dict[str, Entry]:
    """Every row of these files by its name, later ones winning. Raises ConfigError."""
    rows: dict[str, Entry] = {}
    for path in paths:
        rows.update(_Reader(path).entries())
    return rows


def entry_of(name: str, catalog: Mapping[str, Entry]) -> Entry:
    """The row of that name. Raises WeightsMissing with the nearest one."""
    if name in catalog:
        return catalog[name]
    near = get_close_matches(name, catalog, 1)
    start = f"Did you mean {near[0]}? " if near else ""
    raise WeightsMissing(
        f"There is no model {printable(name)!r} in the catalog.",
        hint=f"{start}It has {', '.join(sorted(catalog)) or 'no rows'}.",
    )


class _Reader:
    """One catalog. Every complaint names the file and, where it can be told, the line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8")
            self.raw = tomllib.loads(self.text)
        except FileNotFoundError:
            raise ConfigError(
                "there is no such catalog.", path=path, hint="See --catalog and VTA_CATALOG."
            ) from None
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"the catalog cannot be read: {error}.", path=path) from error

    def entries(self) -> dict[str, Entry]:
        self._known(self.raw, ("schema", "models"), "", 0)
        if self.raw.get("schema", SCHEMA) != SCHEMA:
            raise self._wrong(
                f"this vta reads catalogs of schema {SCHEMA}, not {self.raw['schema']!r}.", "", 0
            )
        models = self.raw.get("models", {})
        if not isinstance(models, dict):
            raise self._wrong("models is not a table of models.", "", 0, "models")
        return {name: self._entry(name, raw) for name, raw in models.items()}

    def _entry(self, name: str, raw: Any) -> Entry:
        table = f"models.{name}"
        if not _NAME.fullmatch(name):
            raise self._wrong(
                f"{name!r} is no name for a model: letters, digits and . _ - are.", table, 0
            )
        self._known(raw, _ENTRY, table, 0)
        text = {key: self._text(raw, key, table, 0) for key in ("title", "licence")}
        variant = self._one_of(raw, "variant", tuple(VARIANTS), table)
        form = self._one_of(raw, "form", FORMS, table)
        files = tuple(
            self._file(f, table, n) for n, f in enumerate(self._rows(raw, "files", table))
        )
        if (form == SHIPPED) == bool(files):
            what = "lists no files: it comes with vta" if files else "lists its files"
            raise self._wrong(f"a model of form {form!r} {what}.", table, 0, "form")
        paths = [f.path for f in files]
        if len(set(paths)) != len(paths):
            twice = next(p for p in paths if paths.count(p) > 1)
            raise self._wrong(f"{twice} is listed twice.", table, 0)
        return Entry(
            name=name,
            title=text["title"],
            variant=variant,
            form=form,
            licence=text["licence"],
            commercial=self._typed(raw, "commercial", bool, table, 0, needed=True),
            source=self._typed(raw, "source", str, table, 0) or "",
            card=self._typed(raw, "card", str, table, 0) or "",
            terms=self._typed(raw, "terms", str, table, 0) or "",
            memory_bytes=self._size(raw, "memory_bytes", table, 0),
            files=files,
            parts=tuple(
                self._part(p, table, n) for n, p in enumerate(self._rows(raw, "parts", table))
            ),
            origin=self.path,
        )

    def _file(self, raw: Any, entry: str, number: int) -> CatalogFile:
        table = f"{entry}.files"
        self._known(raw, _FILE, table, number)
        path = self._inside(raw, "path", table, number, needed=True)
        name = self._inside(raw, "name", table, number)
        found = {
            key: self._typed(raw, key, str, table, number)
            for key in ("repository", "revision", "url", "sha256", "licence")
        }
        repository, url, sha256 = found["repository"], found["url"], found["sha256"]
        if (repository is None) == (url is None):
            raise self._wrong(f"{path} needs either a repository or a url.", table, number)
        if repository is not None and not _REPOSITORY.fullmatch(repository):
            raise self._wrong(
                f"{repository!r} is no repository: owner/name is.", table, number, "repository"
            )
        if url is not None:
            try:
                check_url(url, allow_http=True)  # whether http is allowed is said when it is asked
            except ConfigError as error:
                raise self._wrong(error.message, table, number, "url") from error
        if url is not None and (found["revision"] is not None or name is not None):
            raise self._wrong("a url has neither revision nor name.", table, number, "url")
        if sha256 is not None and not _HASH.fullmatch(sha256.lower()):
            raise self._wrong("a SHA-256 has 64 hexadecimal digits.", table, number, "sha256")
        return CatalogFile(
            path=str(path),
            repository=repository,
            name=name,
            revision=(found["revision"] or "main") if repository else None,
            url=url,
            size=self._size(raw, "size", table, number),
            sha256=sha256.lower() if sha256 else None,
            licence=found["licence"],
        )

    def _part(self, raw: Any, entry: str, number: int) -> LicensedPart:
        table = f"{entry}.parts"
        self._known(raw, ("name", "licence", "source", "commercial"), table, number)
        commercial = self._typed(raw, "commercial", bool, table, number)
        return LicensedPart(
            name=self._text(raw, "name", table, number),
            licence=self._text(raw, "licence", table, number),
            source=self._typed(raw, "source", str, table, number) or "",
            commercial=True if commercial is None else commercial,
        )

    def _rows(self, raw: Mapping[str, Any], key: str, table: str) -> list[Any]:
        rows = raw.get(key, [])
        if not isinstance(rows, list):
            raise self._wrong(f"{key} is not a list of tables.", table, 0, key)
        return rows

    def _inside(
        self, raw: Mapping[str, Any], key: str, table: str, number: int, needed: bool = False
    ) -> str | None:
        """A path that stays in the folder that it is laid in, on any system."""
        found: str | None = self._typed(raw, key, str, table, number, needed=needed)
        if found is None:
            return None
        parts = PurePosixPath(found).parts
        odd = any(not c.isprintable() or c in '\\:<>|"?*' for c in found)
        if odd or not parts or found.startswith("/") or found != "/".join(parts) or ".." in parts:
            raise self._wrong(
                f"{found!r} is no path inside the model's folder.", table, number, key
            )
        return found

    def _text(self, raw: Mapping[str, Any], key: str, table: str, number: int) -> str:
        found: str = self._typed(raw, key, str, table, number, needed=True)
        if not found.strip():
            raise self._wrong(f"{key} is empty.", table, number, key)
        return found

    def _size(self, raw: Mapping[str, Any], key: str, table: str, number: int) -> int | None:
        found: int | None = self._typed(raw, key, int, table, number)
        if found is not None and found <= 0:
            raise self._wrong(f"{key} is a number of bytes, not {found}.", table, number, key)
        return found

    def _one_of(self, raw: Mapping[str, Any], key: str, known: tuple[str, ...], table: str) -> str:
        found = self._text(raw, key, table, 0)
        if found not in known:
            raise self._wrong(f"{key} is {found!r}.{_nearest(found, known)}", table, 0, key)
        return found

    def _typed(
        self,
        raw: Mapping[str, Any],
        key: str,
        kind: type,
        table: str,
        number: int,
        needed: bool = False,
    ) -> Any:
        found = raw.get(key)
        if found is None:
            if needed:
                raise self._wrong(f"{key} is missing.", table, number)
            return None
        # true is an int to Python, and not to a person
        if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
            said = {str: "text", int: "a whole number", bool: "true or false"}[kind]
            raise self._wrong(f"{key} is {said}, not {found!r}.", table, number, key)
        return found

    def _known(self, raw: Any, known: Iterable[str], table: str, number: int) -> None:
        if not isinstance(raw, dict):
            raise self._wrong(f"{table} is not a table.", table, number)
        for key in raw:
            if key not in known:
                raise self._wrong(
                    f"there is no key {key!r}.{_nearest(key, known)}", table, number, key
                )

    def _wrong(self, message: str, table: str, number: int, key: str | None = None) -> ConfigError:
        line = line_of(self.text, table, key, number) if table else None
        of = f"{table}: " if table else ""
        return ConfigError(f"{of}{message}", path=f"{self.path}:{line}" if line else self.path)


_ENTRY = (
    "title", "variant", "form", "licence", "commercial", "terms", "source", "card",
    "memory_bytes", "parts", "files",
)  # fmt: skip
_FILE = ("path", "repository", "name", "revision", "url", "size", "sha256", "licence")


def _nearest(word: str, known: Iterable[str]) -> str:
    known = tuple(known)
    near = get_close_matches(word, known, 1)
    return f" Did you mean {near[0]}?" if near else f" It is one of {', '.join(known)}."
