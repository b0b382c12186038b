"""What there is of models: those that are here and those that could be, seen as one list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from vtacli.errors import VtaError, WeightsMissing, WeightsRefused
from vtacli.model.variants import VARIANTS
from vtacli.shelves import shelves
from vtacli.store.catalog import FOLDER, Entry, catalog_paths, read_catalog
from vtacli.store.default import default_model
from vtacli.store.manifest import Listed, read_manifest
from vtacli.store.pins import pins_on, read_pins, with_pins
from vtacli.store.place import installed_folder
from vtacli.store.record import recorded
from vtacli.store.shelf import Shelved, describe, is_shipped, shelved

SHIPPED, INSTALLED, AVAILABLE, BROKEN = "shipped", "installed", "available", "broken"


def inventory(weights_dir: Path | None, catalogs: Iterable[Path]) -> list[dict[str, Any]]:
    """A row for every model by its name: ``state`` is shipped, installed, broken, or available
    from the catalog. Raises ConfigError for a catalog that cannot be read."""
    here = shelved(weights_dir)
    catalog = _catalog(weights_dir, catalogs)
    rows = [row_of(model, catalog.get(name)) for name, model in here.items()]
    rows += [row_of(None, entry) for name, entry in sorted(catalog.items()) if name not in here]
    return rows


def row_of(model: Shelved | None, entry: Entry | None) -> dict[str, Any]:
    """One model as plain values, from what is here, from the catalog, or from both."""
    name = model.name if model else entry.name if entry else ""
    state = AVAILABLE
    if model:
        state = BROKEN if model.fault else SHIPPED if model.shipped else INSTALLED
    variant = model.variant if model and model.variant else entry.variant if entry else ""
    commercial = entry.commercial if entry else model.commercial if model else None
    return {
        "name": name,
        "state": state,
        "default": name == default_model(),
        "size": model.size if model else entry.size if entry else None,
        "licence": entry.licence if entry else model.licence if model else None,
        "commercial": commercial,
        "capabilities": list(
            model.capabilities if model and model.variant else entry.capabilities if entry else ()
        ),
        "variant": variant or None,
        "folder": str(model.folder) if model else None,
        "pinned": entry.pinned if entry and not model else None,
        "fault": model.fault if model else None,
    }


def details(name: str, weights_dir: Path | None, catalogs: Iterable[Path]) -> dict[str, Any]:
    """Everything about one model: what :func:`row_of` says, its files, terms and card.

    Raises WeightsMissing with the nearest name, ConfigError for a bad catalog.
    """
    catalog = _catalog(weights_dir, catalogs)
    folder = installed_folder(name, weights_dir)
    if folder is None and name not in catalog:
        raise WeightsMissing(
            f"There is no model {name!r}, here or in the catalog.",
            hint=near(name, [*shelved(weights_dir), *catalog]),
        )
    model = describe(folder) if folder else None
    entry = catalog.get(name)
    row = row_of(model, entry)
    facts = VARIANTS.get(row["variant"] or "")
    return row | {
        "title": entry.title if entry else None,
        "source": entry.source if entry else _source(folder),
        "card": _card(folder, entry),
        "memory_bytes": entry.memory_bytes if entry else None,
        "terms": entry.terms if entry else None,
        "parts": [p.to_dict() for p in entry.parts] if entry else [],
        "files": _files(folder, entry),
        "sound": facts
        and f"{float(facts.window_s):g} s at {facts.rate_hz} Hz, bandwidth {facts.bandwidth_hz} Hz",
    }


def _catalog(weights_dir: Path | None, catalogs: Iterable[Path]) -> dict[str, Entry]:
    """The catalog's rows, completed by what first pulls pinned on any shelf."""
    rows = read_catalog(catalog_paths(catalogs))
    with suppress(WeightsRefused):  # pins that cannot be read pin nothing
        pins = pins_on(shelves(weights_dir))
        return {name: with_pins(entry, pins) for name, entry in rows.items()}
    return rows


def near(name: str, known: Iterable[str]) -> str:
    """Did you mean this? And what there is."""
    from difflib import get_close_matches

    names = sorted(set(known))
    close = get_close_matches(name, names, 1)
    start = f"Did you mean {close[0]}? " if close else ""
    return f"{start}There is: {', '.join(names) or 'none'}."


def expected_of(folder: Path, catalogs: Iterable[Path]) -> dict[str, Listed]:
    """Sizes and hashes that the catalog, or what a first pull pinned, gives for the files of an
    installed model; of a shipped one, what the installer recorded. Empty for published files: they
    were converted, and are others now."""
    if is_shipped(folder):
        return recorded(folder)
    entry = read_catalog(catalog_paths(catalogs)).get(folder.name)
    if entry is None or entry.form != FOLDER:
        return {}
    with suppress(WeightsRefused):  # pins that cannot be read pin nothing
        entry = with_pins(entry, read_pins(folder.parent))
    return {
        f.path: Listed(f.size, f.sha256)
        for f in entry.files
        if f.size is not None and f.sha256 is not None
    }


def names_installed(incomplete: str = "") -> list[str]:
    """Names of models that are here, for the shell to complete."""
    return [name for name in shelved() if name.startswith(incomplete)]


def names_known(incomplete: str = "") -> list[str]:
    """Names for the shell to complete; where something is broken it completes less."""
    known = set(shelved())
    with suppress(VtaError):
        known |= set(read_catalog(catalog_paths()))
    return sorted(n for n in known if n.startswith(incomplete))


def card_text(card: str | None) -> str | None:
    """The words of a card that lies on this machine, None for one elsewhere."""
    path = Path(card) if card and "://" not in card else None
    return path.read_text(encoding="utf-8") if path and path.is_file() else None


def _card(folder: Path | None, entry: Entry | None) -> str | None:
    for name in ("README.md", "CARD.md"):
        if folder and (folder / name).is_file():
            return str(folder / name)
    if entry is None or not entry.card or "://" in entry.card or entry.origin is None:
        return (entry.card or None) if entry else None
    return str(entry.origin.parent / entry.card)


def _source(folder: Path | None) -> str | None:
    try:
        found = read_manifest(folder) if folder else None
    except WeightsRefused:
        return None
    return found.source if found else None


def _files(folder: Path | None, entry: Entry | None) -> list[dict[str, Any]]:
    """Of an installed model the files that are there, with the hashes of its list; else those of
    the catalog with what was pinned."""
    if folder is not None:
        from vtacli.store.manifest import files_of

        try:
            manifest = read_manifest(folder)
        except WeightsRefused:
            manifest = None
        listed: Mapping[str, Listed] = manifest.files if manifest else {}
        names = {p.relative_to(folder).as_posix(): p for p in files_of(folder)}
        return [
            {
                "path": name,
                "size": path.stat().st_size,
                "sha256": listed[name].sha256 if name in listed else None,
            }
            for name, path in names.items()
        ]
    assert entry is not None
    return [f.to_dict() for f in entry.files]
