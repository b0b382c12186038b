"""A row of the catalog: what a model is, what it can do, of which files and on what terms."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vtacli.model.variants import VARIANTS, Variant

SHIPPED, PUBLISHED, FOLDER = "shipped", "published", "folder"
FORMS = (SHIPPED, PUBLISHED, FOLDER)
"""``shipped``: comes with vta. ``published``: the files are the published ones, and are converted.
``folder``: the files are the model's folder as it is."""


@dataclass(frozen=True)
class CatalogFile:
    """One file of a model: ``path`` is where it lies among the model's files.

    It comes from ``repository`` (of the Hugging Face hub, ``owner/name``, where it is called
    ``name``, at ``revision``) or from ``url``. ``size`` in bytes, ``sha256`` in hexadecimal
    digits; None where they are not pinned yet. ``licence``: where it is not the model's.
    """

    path: str
    repository: str | None = None
    name: str | None = None
    revision: str | None = None
    url: str | None = None
    size: int | None = None
    sha256: str | None = None
    licence: str | None = None

    @property
    def pinned(self) -> bool:
        return self.size is not None and self.sha256 is not None

    @property
    def source(self) -> str:
        """Where it comes from, for a person."""
        if self.url is not None:
            return self.url
        return f"{self.repository}@{self.revision}/{self.name or self.path}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "path": self.path,
            "source": self.source,
            "size": self.size,
            "sha256": self.sha256,
            "licence": self.licence,
            "pinned": self.pinned,
        }


@dataclass(frozen=True)
class LicensedPart:
    """What a model is made of, where a part has terms of its own."""

    name: str
    licence: str
    source: str = ""
    commercial: bool = True

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "licence": self.licence,
            "commercial": self.commercial,
            "source": self.source,
        }


@dataclass(frozen=True)
class Entry:
    """A row of the catalog.

    ``licence``: an SPDX expression of the whole. ``commercial``: whether all of it may be used
    commercially. ``card``: where it is described, a path beside the catalog or a URL.
    ``memory_bytes``: about what it needs at work, in float32. ``origin``: the catalog's file.
    """

    name: str
    title: str
    variant: str
    form: str
    licence: str
    commercial: bool
    source: str
    card: str
    memory_bytes: int | None
    files: tuple[CatalogFile, ...]
    parts: tuple[LicensedPart, ...] = ()
    terms: str = ""
    origin: Path | None = None

    @property
    def facts(self) -> Variant:
        return VARIANTS[self.variant]

    @property
    def capabilities(self) -> tuple[str, ...]:
        """What can be asked of it."""
        return capabilities_of(self.facts)

    @property
    def size(self) -> int | None:
        """Bytes to fetch; None where a file's size is not pinned yet, or nothing is fetched."""
        sizes = [f.size for f in self.files if f.size is not None]
        return sum(sizes) if sizes and len(sizes) == len(self.files) else None

    @property
    def pinned(self) -> bool:
        """Whether every file's size and hash are known beforehand."""
        return all(f.pinned for f in self.files)

    @property
    def needs_acceptance(self) -> bool:
        """Whether its licence is to be accepted before it is fetched."""
        return not self.commercial

    def to_dict(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "variant": self.variant,
            "form": self.form,
            "licence": self.licence,
            "commercial": self.commercial,
            "terms": self.terms,
            "parts": [p.to_dict() for p in self.parts],
            "source": self.source,
            "card": self.card,
            "memory_bytes": self.memory_bytes,
            "capabilities": list(self.capabilities),
            "size": self.size,
            "pinned": self.pinned,
            "files": [f.to_dict() for f in self.files],
            "catalog": str(self.origin) if self.origin else None,
        }


def capabilities_of(variant: Variant) -> tuple[str, ...]:
    """What can be asked of a kind of model: ``picture``, and the others that its facts name."""
    said = {
        "picture": True,
        "text": variant.takes_text,
        "motion": variant.takes_motion,
        "hits": variant.takes_hits,
        "order": variant.sees_order,
        "references": variant.takes_references,
    }
    return tuple(name for name, able in said.items() if able)
