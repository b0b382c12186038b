"""Short-term loudness over time as a drawing: one SVG file that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING

from vtacli.errors import ConfigError, StorageError

if TYPE_CHECKING:
    from vtacli.measure import Measured
    from vtacli.signal.specs import LoudnessSpec

WIDE, HIGH = 960, 320
LEFT, RIGHT, TOP, BOTTOM = 52, 16, 16, 44
LOWEST_LUFS, HIGHEST_LUFS = -60.0, 0.0
COLOURS = ("#1f6feb", "#d1242f", "#1a7f37", "#9a6700", "#8250df", "#57606a")
"""Of files in turn."""
POINTS = 1500
"""The most that are drawn of one file: the loudest of what falls on one place is kept."""
STEPS_S = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600)


def check_plot(plot: Path, files: Sequence[Path], overwrite: bool) -> Path:
    """The path, where a drawing may be written. Raises ConfigError or OutputError."""
    from vtacli.media.door import check_destination

    if plot.suffix.lower() != ".svg":
        raise ConfigError(f"A plot is an .svg file, not {plot.suffix or 'one without a suffix'}.")
    for file in files:
        checked = check_destination(file, plot, overwrite)
    return checked


def write_plot(plot: Path, found: Sequence[Measured], spec: LoudnessSpec | None) -> None:
    """Raises StorageError where the file cannot be written."""
    part = plot.with_name(f".{plot.name}.part")
    try:
        part.write_text(svg(found, spec), encoding="utf-8")
        part.replace(plot)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageError(f"The plot could not be written: {error.strerror}.", path=plot) from None


def svg(found: Sequence[Measured], spec: LoudnessSpec | None) -> str:
    """The drawing as text."""
    total_s = max((m.loudness.seconds for m in found), default=0.0) or 1.0
    across = (WIDE - LEFT - RIGHT) / total_s
    down = (HIGH - TOP - BOTTOM) / (HIGHEST_LUFS - LOWEST_LUFS)

    def y(lufs: float) -> float:
        return TOP + (HIGHEST_LUFS - min(max(lufs, LOWEST_LUFS), HIGHEST_LUFS)) * down

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" role="img" '
        'font-family="sans-serif" font-size="11">',
        "<title>Short-term loudness (3 s) over time</title>",
        f'<rect width="{WIDE}" height="{HIGH}" fill="#fff"/>',
    ]
    for lufs in range(int(LOWEST_LUFS), int(HIGHEST_LUFS) + 1, 10):
        parts.append(_line(LEFT, y(lufs), WIDE - RIGHT, y(lufs), "#d0d7de"))
        parts.append(_words(LEFT - 6, y(lufs) + 4, f"{lufs}", "end"))
    step = next((s for s in STEPS_S if total_s / s <= 12), ceil(total_s / 12))
    for second in range(0, int(total_s) + 1, step):
        x = LEFT + second * across
        parts.append(_line(x, HIGH - BOTTOM, x, HIGH - BOTTOM + 4, "#57606a"))
        parts.append(_words(x, HIGH - BOTTOM + 16, f"{second // 60}:{second % 60:02}", "middle"))
    parts.append(_words(LEFT - 40, TOP - 4, "LUFS", "start"))
    if spec:
        parts.append(_line(LEFT, y(spec.target_lufs), WIDE - RIGHT, y(spec.target_lufs), "#000"))
        parts.append(_words(WIDE - RIGHT, y(spec.target_lufs) - 4, spec.name, "end"))
    for number, one in enumerate(found):
        colour = COLOURS[number % len(COLOURS)]
        places: dict[int, float] = {}
        for time_s, lufs in zip(one.times_s, one.short_term_lufs, strict=True):
            place = int(time_s / total_s * POINTS)
            places[place] = max(places.get(place, LOWEST_LUFS), float(lufs))
        line = " ".join(
            f"{LEFT + p / POINTS * total_s * across:.1f},{y(v):.1f}" for p, v in places.items()
        )
        parts.append(
            f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>'
        )
        label = f"{one.track.path.name}: {one.loudness.integrated_lufs:.1f} LUFS"
        at = LEFT + number * 220
        if number < 4:
            parts.append(_line(at, HIGH - 12, at + 14, HIGH - 12, colour))
            parts.append(_words(at + 18, HIGH - 8, label[:34], "start"))
    return "\n".join([*parts, "</svg>", ""])


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _words(x: float, y: float, text: str, anchor: str) -> str:
    clean = escape("".join(c if c.isprintable() else "?" for c in text))
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="#24292f">{clean}</text>'
