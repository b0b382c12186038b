"""A set of stems as text for a person."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vtacli.cli.render import clock, counted, pairs
from vtacli.errors import printable
from vtacli.provenance import bandwidth_text
from vtacli.signal.loudness import to_db

if TYPE_CHECKING:
    from vtacli.stems.job import StemJob
    from vtacli.stems.making import StemPlan, StemSet


def plan_text(plan: StemPlan) -> RenderableType:
    """For ``vta stems --dry-run``."""
    job, cost = plan.job, plan.cost
    rows = [
        ("film", printable(job.footage.path) if job.footage else "none: sound from words alone"),
        ("output", f"{printable(plan.folder)}, {counted(len(plan.pieces), 'sound')}"),
        *_facts(job),
        ("scenes", f"{len(plan.scenes)}, in {counted(plan.windows, 'window')} of all stems"),
        *(("stem", _stem_text(stem.name, stem.words, len(stem.scenes))) for stem in plan.stems),
        *(("file", printable(path.name)) for piece in plan.pieces for path in piece.paths),
        ("model", f"{job.request.variant.name}, {job.request.steps} steps"),
        *([("time", f"about {cost.seconds:.0f} s on {cost.basis}")] if cost.seconds else []),
        ("disk", f"about {cost.disk_bytes / 1e6:.0f} MB"),
    ]
    return pairs(rows)


def set_text(made: StemSet) -> RenderableType:
    """For ``vta stems``."""
    job = made.job
    stages = ", ".join(f"{name} {took:.1f}" for name, took in made.seconds.items())
    rows = [
        ("output", f"{printable(made.folder)}, {counted(len(made.files), 'file')}"),
        *_facts(job),
        *(("stem", _stem_text(stem.name, stem.words, len(stem.scenes))) for stem in made.stems),
        ("seed", str(job.seed)),
        ("gain", f"{to_db(made.gain):+.1f} dB, the same for all"),
        *(
            ("made again", f"{printable(stem.name)}: {verdict.text()}")
            for stem, remarks in zip(made.stems, made.remarks, strict=True)
            for verdict in remarks.verdicts.values()
        ),
        ("time", f"{sum(made.seconds.values()):.1f} s ({stages})"),
    ]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("file", "from", "length", "LUFS", "dBTP"):
        table.add_column(column, justify="left" if column == "file" else "right")
    for file in made.files:
        loudness = file.written.loudness
        table.add_row(
            printable(file.written.path.name),
            file.timecode or clock(Fraction(file.start, job.options.rate_hz)),
            f"{file.written.length / job.options.rate_hz:.3f} s",
            _level(loudness.integrated_lufs),
            _level(loudness.true_peak_dbtp),
        )
    return Group(pairs(rows), Text(), table)


def _facts(job: StemJob) -> list[tuple[str, str]]:
    form = job.options.form
    depth = "32-bit float" if form.bits == "32f" else f"{form.bits} bits"
    kind = form.kind if form.lossy else f"{form.kind}, {depth}"
    start = f"{job.start.text}, {float(job.start.rate):.6g} frames a second" if job.start else ""
    channels = {1: "mono", 2: "stereo"}.get(job.channels, f"{job.channels} channels")
    return [
        ("length", f"{clock(job.duration_s)}, {job.samples} samples at {form.rate_hz} Hz"),
        *([("starts at", start)] if start else []),
        ("files", f"{kind}, {channels}, bandwidth {bandwidth_text(job.bandwidth_hz)}"),
    ]


def _stem_text(name: str, words: str | None, scenes: int) -> str:
    said = "" if words in (name, None) else f" ({printable(str(words))})"
    return f"{printable(name)}{said}, heard in {counted(scenes, 'scene')}"


def _level(value: float) -> str:
    return f"{value:.1f}" if isfinite(value) else "silent"
