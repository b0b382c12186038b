"""Licences that somebody accepted: once for a model, until the licence changes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

from vtacli.errors import StorageError, WeightsRefused
from vtacli.progress import Note, Report, ignore
from vtacli.store.catalog import Entry
from vtacli.store.pins import write_json

FILE = "licences.json"


def acceptances() -> Path:
    """The file of what was accepted: it is a person's word, so it lies with their settings."""
    from platformdirs import user_config_path

    return user_config_path("vta", appauthor=False) / FILE


def accepted(entry: Entry, path: Path | None = None) -> bool:
    """Whether this model's licence needs no acceptance, or was accepted as it stands."""
    if not entry.needs_acceptance:
        return True
    said = _read(path or acceptances()).get(entry.name)
    return said is not None and said.get("licence") == entry.licence


def accept(entry: Entry, path: Path | None = None, report: Report = ignore) -> None:
    """Write down that the licence was accepted; a note says so where that cannot be written."""
    path = path or acceptances()
    said = _read(path)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    said[entry.name] = {"licence": entry.licence, "accepted_utc": now}
    try:
        write_json(path, said)
    except StorageError as error:
        report(Note(f"The acceptance counts for this time alone: {error}", "warning"))


def require_acceptance(
    entry: Entry, accepting: bool, report: Report = ignore, path: Path | None = None
) -> None:
    """Raise WeightsRefused unless the licence is accepted, was, or needs not be."""
    if accepted(entry, path):
        return
    if accepting:
        accept(entry, path, report)
        return
    terms = f" {entry.terms}" if entry.terms else ""
    raise WeightsRefused(
        f"{entry.name} is under {entry.licence}, which does not allow commercial use.{terms}",
        hint="If you agree: --accept-licence. It is asked once.",
    )


def _read(path: Path) -> dict[str, dict[str, str]]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return (
        {k: v for k, v in found.items() if isinstance(v, dict)} if isinstance(found, dict) else {}
    )
