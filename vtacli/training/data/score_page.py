"""The scores of a set as one HTML page that needs nothing else: histograms, and the worst clips."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

import numpy as np

from vtacli.media.staging import Staging
from vtacli.training.data.clean import SCORES, Cleaned

WIDE, HIGH, LEFT, BOTTOM, TOP = 720, 220, 48, 34, 12
BINS = 40
WORST = 40
TITLES = {
    "av_align": "AV-Align",
    "words": "caption against what is heard (yamnet-words)",
    "picture": "what is seen against what is heard (picture-words)",
    "imagebind": "what is seen against what is heard (ImageBind's CC-BY-NC-SA-4.0 weights)",
    "clap": "caption against what is heard (CLAP)",
    "peak_db": "peak, dBFS",
}
STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --paper: #fff; --kept: #1f6feb; --out: #d1242f; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0d1117; } }
body { font: 15px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 760px; margin: 2rem auto; padding: 0 1rem; }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; }
.kept { fill: var(--kept); } .out { fill: var(--out); } .axis { stroke: var(--ink); }
.limit { stroke: var(--out); stroke-dasharray: 4 3; stroke-width: 1.5; }
table { border-collapse: collapse; width: 100%; }
td, th { padding: .15rem .5rem; text-align: right; }
td:first-child, th:first-child { text-align: left; overflow-wrap: anywhere; }
tr:nth-child(even) { background: color-mix(in srgb, var(--ink) 6%, transparent); }
"""


def write_page(path: Path, cleaned: Cleaned) -> None:
    """Raises OutputError or StorageError where the file cannot be written."""
    with Staging(overwrite=True) as staging:
        staging.part(path).write_text(page(cleaned), encoding="utf-8")


def page(cleaned: Cleaned) -> str:
    """The page as text."""
    kept, count = len(cleaned.kept), len(cleaned.clips)
    version = cleaned.facts.get("av_align")
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width">',
        f"<title>Scores of {count} clips</title><style>{STYLE}</style></head><body>",
        f"<h1>{kept} of {count} clips kept</h1>",
        f"<p>{escape(_lost(cleaned))}</p>",
    ]
    for name in SCORES:
        values = cleaned.values(name)
        if not values:
            continue
        title = TITLES[name] + (f", version {version}" if name == "av_align" else "")
        limit = getattr(cleaned.limits, name)
        parts += [
            f"<h2>{escape(title)}</h2>",
            f"<p>{escape(_middle(cleaned, name, limit))}</p>",
            histogram(values, limit, title),
        ]
    parts += ["<h2>The worst</h2>", _table(cleaned), "</body></html>"]
    return "\n".join(parts) + "\n"


def histogram(values: Sequence[float], limit: float | None, title: str) -> str:
    """One drawing: how many clips have which score, those under the threshold in another colour."""
    low, high = min(values), max(values)
    if limit is not None:
        low, high = min(low, limit), max(high, limit)
    if high - low < 1e-9:
        low, high = low - 0.5, high + 0.5
    counts, edges = np.histogram(values, bins=BINS, range=(low, high))
    most = max(1, int(counts.max()))
    across, up = (WIDE - LEFT - 8) / (high - low), (HIGH - TOP - BOTTOM) / most
    base = HIGH - BOTTOM

    def x(value: float) -> float:
        return LEFT + (value - low) * across

    shapes = []
    for number, left, right in zip(counts, edges[:-1], edges[1:], strict=True):
        if number:
            kind = "out" if limit is not None and (left + right) / 2 < limit else "kept"
            shapes.append(
                f'<rect class="{kind}" x="{x(left) + 0.5:.1f}" y="{base - number * up:.1f}" '
                f'width="{(right - left) * across - 1:.1f}" height="{number * up:.1f}">'
                f"<title>{number}: {left:.3g} to {right:.3g}</title></rect>"
            )
    shapes.append(f'<line class="axis" x1="{LEFT}" x2="{WIDE - 8}" y1="{base}" y2="{base}"/>')
    for tick in np.linspace(low, high, 6):
        anchor = "end" if tick == high else "middle"
        shapes.append(
            f'<text x="{x(tick):.1f}" y="{base + 18}" text-anchor="{anchor}">{tick:.3g}</text>'
        )
    shapes.append(f'<text x="{LEFT - 6}" y="{TOP + 8}" text-anchor="end">{most}</text>')
    if limit is not None:
        shapes.append(
            f'<line class="limit" x1="{x(limit):.1f}" x2="{x(limit):.1f}" y1="{TOP}" y2="{base}"/>'
        )
    return (
        f'<svg viewBox="0 0 {WIDE} {HIGH}" role="img" aria-label="{escape(title)}">'
        + "".join(shapes)
        + "</svg>"
    )


def _middle(cleaned: Cleaned, name: str, limit: float | None) -> str:
    quantiles = cleaned.quantiles(name)
    assert quantiles is not None
    known = len(cleaned.values(name))
    text = (
        f"{known} clips have it; the middle is {quantiles[2]:.3g}, half lie between "
        f"{quantiles[1]:.3g} and {quantiles[3]:.3g}."
    )
    return text if limit is None else f"{text} Threshold: {limit:g}."


def _lost(cleaned: Cleaned) -> str:
    if not cleaned.dropped:
        return "None falls under a threshold."
    names = {**TITLES, "failed": "could not be read"}
    parts = (f"{names[why].split(',')[0]}: {n}" for why, n in cleaned.dropped.items())
    return "Left out: " + "; ".join(parts) + "."


def _table(cleaned: Cleaned) -> str:
    """Failed clips first, then those with the lowest scores, the first that is judged by."""
    judged = [n for n in SCORES if getattr(cleaned.limits, n) is not None and cleaned.values(n)]
    by = judged[0] if judged else "av_align"
    rows = sorted(
        zip(cleaned.scores, cleaned.verdicts, strict=True),
        key=lambda r: ("reason" not in r[0], r[0].get(by) is None, r[0].get(by) or 0.0),
    )[:WORST]
    head = "".join(f"<th>{escape(n)}</th>" for n in ("clip", *SCORES, "left out by"))
    lines = []
    for row, why in rows:
        cells = ["–" if row.get(n) is None else f"{row[n]:.3g}" for n in SCORES]
        text = row.get("reason") or why or ""
        lines.append(
            f"<tr><td>{escape(row['clip'])}</td>"
            + "".join(f"<td>{c}</td>" for c in cells)
            + f"<td>{escape(text)}</td></tr>"
        )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
