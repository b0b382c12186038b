"""Licences by their SPDX names: what each asks, in a sentence, and where its text is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import vtacli


@dataclass(frozen=True)
class Terms:
    """``text``: the licence's own words, where they came with the program."""

    licence: str
    asks: str
    address: str
    text: str | None = None


_KNOWN = {
    "Apache-2.0": "Any use. Keep the notices, and say what you changed.",
    "MIT": "Any use. Keep the copyright line and the licence.",
    "CC0-1.0": "Any use, nothing is asked.",
    "CC-BY-4.0": "Any use. Name the authors and the licence, and say what you changed.",
    "CC-BY-NC-4.0": "No commercial use. Name the authors and the licence.",
    "CC-BY-NC-SA-4.0": "No commercial use. Name the authors; share changes under the same licence.",
}


def terms_of(expression: str) -> list[Terms]:
    """The terms of every licence that an SPDX expression names. A name that is not known here is
    given without a sentence."""
    names = re.findall(r"[A-Za-z0-9][A-Za-z0-9.+-]*", expression)
    return [
        Terms(name, _KNOWN.get(name, ""), f"https://spdx.org/licenses/{name}.html", _text(name))
        for name in dict.fromkeys(names)
        if name not in ("AND", "OR", "WITH")
    ]


def _text(licence: str) -> str | None:
    """Ours is Apache-2.0: its text lies in the checkout, or with what the installer recorded."""
    if licence != "Apache-2.0":
        return None
    from importlib.metadata import PackageNotFoundError, files

    places = [Path(vtacli.__file__).parent.parent / "LICENSE"]
    try:
        recorded = files("vta") or []
    except PackageNotFoundError:
        recorded = []
    places += [Path(str(f.locate())) for f in recorded if f.name == "LICENSE"]
    return next((p.read_text(encoding="utf-8") for p in places if p.is_file()), None)
