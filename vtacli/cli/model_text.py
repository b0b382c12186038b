"""Models as text for a person: for ``vta models``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vtacli.cli.render import counted, pairs
from vtacli.errors import printable

if TYPE_CHECKING:
    from vtacli.store.terms import Terms
    from vtacli.store.verify import Verified


def size_text(size: int | None) -> str:
    """``55 MB``; ``not known`` for None."""
    if size is None:
        return "not known"
    for unit, worth in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= worth:
            return f"{size / worth:.3g} {unit}"
    return f"{size} B"


def list_text(rows: Sequence[Mapping[str, Any]]) -> RenderableType:
    """A table of models; the header alone where there are none."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("", "name", "state", "size", "licence", "sees and takes"):
        table.add_column(column, justify="right" if column == "size" else "left")
    for row in rows:
        commercial = "" if row["commercial"] is not False else ", not commercial"
        table.add_row(
            "*" if row["default"] else "",
            printable(row["name"]),
            row["state"],
            "not pinned yet" if row["pinned"] is False else size_text(row["size"]),
            f"{row['licence'] or 'not known'}{commercial}",
            ", ".join(row["capabilities"]) or (row["fault"] or ""),
        )
    return table


def show_text(found: Mapping[str, Any], terms: Sequence[Terms]) -> RenderableType:
    """Everything about one model."""
    rows = [
        ("model", printable(found["name"])),
        ("title", found["title"] or ""),
        ("state", found["state"] + (", the default" if found["default"] else "")),
        ("folder", printable(found["folder"] or "")),
        ("variant", found["variant"] or ""),
        ("takes", ", ".join(found["capabilities"])),
        ("sound", found["sound"] or ""),
        ("size", size_text(found["size"])),
        ("memory", size_text(found["memory_bytes"]) if found["memory_bytes"] else ""),
        ("source", printable(found["source"] or "")),
        ("card", printable(found["card"] or "")),
        ("licence", found["licence"] or "not known"),
        ("commercial", {True: "allowed", False: "not allowed", None: ""}[found["commercial"]]),
        *((p["name"], p["licence"]) for p in found["parts"]),
        *((t.licence, f"{t.asks} {t.address}".strip()) for t in terms),
        ("fault", found["fault"] or ""),
    ]
    here = found["folder"] is not None
    unknown = "not listed" if here else "not pinned yet: the first pull records it"
    files = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("file", "size", "SHA-256"):
        files.add_column(column, justify="right" if column == "size" else "left")
    for file in found["files"]:
        files.add_row(
            printable(file["path"]),
            size_text(file["size"]),
            file["sha256"] or unknown,
        )
    return Group(pairs([row for row in rows if row[1]]), Text(), files)


def verified_text(checked: Sequence[Verified]) -> RenderableType:
    """A line for each question, the model's name before its first."""
    text = Text()
    for number, model in enumerate(checked):
        text.append("\n" if number else "")
        text.append(f"{printable(model.name)}  {printable(model.folder)}", style="bold")
        for finding in model.findings:
            word, style = {
                True: ("ok", "green"),
                False: ("NO", "bold red"),
                None: ("--", "dim"),
            }[finding.ok]
            text.append(f"\n{word}  ", style=style)
            text.append(f"{finding.check:<8}  {printable(finding.found)}")
    return text if checked else Text("No model is installed.")


def usage_text(models: Sequence[Mapping[str, Any]], leftovers: Mapping[Path, int]) -> str:
    """A line for each model, broken-off work, and the sum."""
    lines = [f"{size_text(m['size']):>9}  {printable(m['folder'])}" for m in models]
    lines += [
        f"{size_text(size):>9}  {printable(path)} (left over: `vta models prune`)"
        for path, size in leftovers.items()
    ]
    total = sum(m["size"] for m in models) + sum(leftovers.values())
    return "\n".join([*lines, f"{size_text(total):>9}  {counted(len(models), 'model')} in all"])


def licence_text(terms: Sequence[Terms]) -> str:
    """The words of each licence that came with the program; of others what they ask, and where."""
    parts = [
        f"{t.licence}\n\n{t.text}" if t.text else f"{t.licence}: {t.asks} Its words: {t.address}"
        for t in terms
    ]
    return "\n\n".join(parts) or "No licence is known."
