"""What first pulls found, so that every later one is held to it: sizes, hashes and revisions.

A catalog that gives these itself needs no pin; where it gives another hash, the catalog is right.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from vtacli.errors import StorageError, WeightsRefused
from vtacli.store.catalog import CatalogFile, Entry
from vtacli.store.place import PINS, locked

SCHEMA = 1


@dataclass(frozen=True)
class Pin:
    """A file as it first came: from ``source`` at ``revision``, at ``pinned_utc``."""

    source: str
    revision: str | None
    size: int
    sha256: str
    pinned_utc: str


def read_pins(store: Path) -> dict[str, dict[str, Pin]]:
    """Model name to file path to pin. Raises WeightsRefused for a file that is no such thing."""
    path = store / PINS
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: {file: Pin(**pin) for file, pin in files.items()}
            for name, files in raw["models"].items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise WeightsRefused(
            f"the pins cannot be read: {error}.",
            path=path,
            hint="Remove the file: the next pull pins anew what the catalog leaves open.",
        ) from error


def pins_on(on: Iterable[Path]) -> dict[str, dict[str, Pin]]:
    """The pins of several shelves, the first that has a model's winning. Raises WeightsRefused."""
    found: dict[str, dict[str, Pin]] = {}
    for shelf in on:
        for name, files in read_pins(shelf).items():
            found.setdefault(name, files)
    return found


def pin_of(file: CatalogFile, pins: Mapping[str, Pin]) -> Pin | None:
    """The pin of a file, if it is of the same source."""
    pin = pins.get(file.path)
    return pin if pin is not None and pin.source == file.source else None


def with_pins(entry: Entry, pins: Mapping[str, Mapping[str, Pin]]) -> Entry:
    """The catalog's row, completed by what was pinned."""
    from dataclasses import replace

    known = pins.get(entry.name, {})

    def completed(file: CatalogFile) -> CatalogFile:
        pin = pin_of(file, known)
        if pin is None:
            return file
        size = file.size if file.size is not None else pin.size
        return replace(file, size=size, sha256=file.sha256 or pin.sha256)

    return replace(entry, files=tuple(completed(f) for f in entry.files))


def record_pins(store: Path, model: str, found: Mapping[str, Pin]) -> None:
    """Write pins down by their files' paths, beside what others write. Raises StorageError."""
    with locked(store, "pins"):
        pins = read_pins(store)
        pins.setdefault(model, {}).update(found)
        write_json(
            store / PINS,
            {
                "schema": SCHEMA,
                "models": {
                    name: {path: asdict(pin) for path, pin in sorted(files.items())}
                    for name, files in sorted(pins.items())
                },
            },
        )


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """A small file whole or as it was. Raises StorageError."""
    import os
    import tempfile

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as file:
            try:
                json.dump(value, file, indent=2)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
                Path(file.name).replace(path)
            except BaseException:
                Path(file.name).unlink(missing_ok=True)
                raise
    except OSError as error:
        raise StorageError(f"cannot be written: {error.strerror}.", path=path) from error
