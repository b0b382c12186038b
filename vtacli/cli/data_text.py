"""Clips to learn from as text for a person: for ``vta data``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vtacli.cli.model_text import size_text
from vtacli.cli.render import counted, pairs
from vtacli.errors import printable

if TYPE_CHECKING:
    from vtacli.training.data.checking import Checked
    from vtacli.training.data.clean import Cleaned
    from vtacli.training.data.estimate import Estimate
    from vtacli.training.data.preparing import Prepared
    from vtacli.training.data.settings import Settings

SHOWN = 10
"""Reasons, captions and problems that are shown; the rest is counted."""


def estimate_text(cost: Estimate, settings: Settings) -> RenderableType:
    """For ``vta data prepare --dry-run``."""
    encoder = settings.encoder
    about = "" if cost.probed == cost.clips else "about "
    rows = [
        ("clips", str(cost.clips)),
        ("windows", f"{about}{cost.windows} of {float(settings.window_s):g} s"),
        ("encoder", _encoder_text(encoder)),
        ("a window", size_text(cost.window_bytes)),
        ("disk", f"{about}{size_text(cost.bytes)}, {size_text(cost.free_bytes)} free"),
    ]
    if cost.unreadable:
        rows.append(("unusable", f"{cost.unreadable} of {cost.probed} clips that were looked at"))
    return pairs(rows)


def prepared_text(made: Prepared) -> RenderableType:
    """For ``vta data prepare``: what there is, and why clips are missing."""
    shards = f"{made.made + made.reused}, {made.made} of them made now"
    rows = [
        ("output", printable(made.folder)),
        ("clips", f"{made.clips - len(made.failures)} of {made.clips}"),
        ("windows", f"{made.windows}, {_time(made.seconds)} of sound"),
        ("shards", f"{shards}, {size_text(made.bytes)}"),
    ]
    if made.stale_bytes:
        rows.append(
            ("unused", f"{size_text(made.stale_bytes)} of other shards; --prune deletes them")
        )
    return Group(pairs(rows), *_reasons(made.reasons)) if made.failures else pairs(rows)


def _reasons(reasons: list[tuple[str, int]]) -> list[RenderableType]:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("left out", justify="right")
    table.add_column("because")
    for reason, count in reasons[:SHOWN]:
        table.add_row(str(count), Text(printable(reason)))
    if rest := sum(count for _, count in reasons[SHOWN:]):
        table.add_row(str(rest), "other reasons: see report.json")
    return [Text(), table]


def facts_text(found: Mapping[str, Any]) -> RenderableType:
    """For ``vta data show`` of a prepared folder."""
    facts = found["facts"]
    sound = facts["sound"]
    level = f"peak {sound['peak']:g}" if sound["level"] == "peak" else "level as it was"
    mel = facts["mel"]
    rows = [
        ("folder", printable(found["folder"])),
        ("clips", f"{found['clips']} of {found['sources']} sources, {facts['failed']} left out"),
        ("windows", f"{found['windows']}, {_time(found['seconds'])}, {found['padded']} padded"),
        ("sound", f"{mel['bands']} mel bands, {mel['frames']} frames, {level}"),
        ("encoder", _encoder_text(facts["encoder"])),
        ("captions", _captions(found)),
        ("splits", _splits(found["splits"])),
        ("shards", f"{found['shards']}, {size_text(found['bytes'])}"),
        ("made by", f"vta {facts['vta']}, torch {facts['torch']}"),
    ]
    return pairs(rows)


def listed_text(source: Path, found: Mapping[str, Any]) -> RenderableType:
    """For ``vta data show`` of a list or a folder."""
    rows = [
        ("list", printable(source)),
        ("clips", f"{found['clips']} of {counted(found['sources'], 'source')}"),
        ("files", f"{found['files']}, {found['missing']} missing"),
        *(("missing", printable(name)) for name in found["missing_files"][:3]),
        ("captions", _captions(found)),
        ("splits", _splits(found["splits"])),
    ]
    return pairs(rows)


def splits_text(found: Mapping[str, Mapping[str, Any]]) -> RenderableType:
    """For ``vta data split``."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("split", "clips", "sources", "file"):
        table.add_column(column, justify="right" if column in ("clips", "sources") else "left")
    for name, row in found.items():
        table.add_row(name, str(row["clips"]), str(row["sources"]), Text(printable(row["file"])))
    return table


def cleaned_text(
    found: Cleaned, output: Path | None, page: Path | None, absent: Iterable[str] = ()
) -> RenderableType:
    """For ``vta data clean``: percentiles of each score, and what each threshold leaves out.
    ``absent``: names of the scores whose weights are not there."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("score", "clips", "5 %", "25 %", "50 %", "75 %", "95 %", "least", "left out"):
        table.add_column(column, justify="left" if column == "score" else "right")
    names = {
        "av_align": f"av-align {found.facts['av_align']}",
        "words": str(found.facts["words"]),
        "picture": str(found.facts["picture"]),
        "imagebind": "imagebind, non-commercial",
        "clap": "clap",
        "peak_db": "peak, dBFS",
    }
    for name, title in names.items():
        quantiles, least = found.quantiles(name), getattr(found.limits, name)
        if quantiles is None:
            continue
        table.add_row(
            title,
            str(len(found.values(name))),
            *(f"{q:.3g}" for q in quantiles),
            "–" if least is None else f"{least:g}",
            str(found.dropped.get(name, 0)),
        )
    rows = [("kept", f"{len(found.kept)} of {len(found.clips)} clips")]
    if found.failures:
        rows.append(("failed", f"{len(found.failures)}: {found.failures[0]['reason']}"))
    if missing := ", ".join(absent):
        rows.append(("not scored", f"{missing}: weights on no shelf"))
    rows.append(("output", "none: a trial" if output is None else printable(output)))
    if page is not None:
        rows.append(("page", printable(page)))
    return Group(table, Text(), pairs(rows))


def checked_text(found: Checked) -> RenderableType:
    """For ``vta data check``."""
    lines = [Text(f"NO  {printable(p)}") for p in found.problems[:SHOWN]]
    if len(found.problems) > SHOWN:
        lines.append(Text(f"    and {len(found.problems) - SHOWN} more"))
    total = (
        f"{counted(found.windows, 'window')} in {counted(found.shards, 'shard')}, "
        f"{size_text(found.bytes)}"
    )
    return Group(*lines, Text(f"{'ok  ' if found.ok else ''}{total}"))


def _encoder_text(encoder: Mapping[str, Any]) -> str:
    kept = [what for what in ("words", "flow") if encoder[what]]
    parts = " with ".join([str(encoder["name"]), *([" and ".join(kept)] if kept else [])])
    rate, size = encoder["frames_per_second"], encoder["frame_size_px"]
    return f"{parts} ({rate} frames a second, {size}×{size}), {encoder['weights'][:12]}"


def _captions(found: Mapping[str, Any]) -> str:
    if not found["captions"]:
        return "none"
    text = f"{found['with_captions']}; " + ", ".join(
        f"{printable(caption)} {count}" for caption, count in list(found["captions"].items())[:5]
    )
    return text + (", …" if len(found["captions"]) > 5 else "")


def _splits(found: Mapping[str, int]) -> str:
    said = {name: count for name, count in found.items() if count}
    return ", ".join(f"{name} {count}" for name, count in said.items()) or "not said"


def _time(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
