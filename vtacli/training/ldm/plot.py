"""The loss over the steps, as a picture that any browser shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

WIDE, HIGH, LEFT, BELOW, ABOVE = 860, 420, 64, 46, 46
TRAINING, SMOOTH, VALIDATION = "#b9c6da", "#2458a6", "#c4402f"

Line = list[tuple[float, float]]


def loss_plot(path: Path, title: str, rows: Sequence[dict[str, Any]]) -> None:
    """Write an SVG of the log's rows: training loss, its running mean, and validation loss."""
    train = [(float(r["step"]), float(r["loss"])) for r in rows if "loss" in r]
    held = [(float(r["step"]), float(r["validation"])) for r in rows if "validation" in r]
    train = [p for p in train if math.isfinite(p[1])]
    path.write_text(_svg(title, train, held), encoding="utf-8")


def smoothed(line: Line, memory: float = 0.9) -> Line:
    """The running mean of the values, each ``memory`` of the one before."""
    made, mean = [], line[0][1] if line else 0.0
    for step, value in line:
        mean = memory * mean + (1 - memory) * value
        made.append((step, mean))
    return made


def _svg(title: str, train: Line, held: Line) -> str:
    every = [*train, *held]
    if not every:
        every = [(0.0, 0.0), (1.0, 1.0)]
    last = max(step for step, _ in every) or 1.0
    # The first steps of a fresh network are so far up that nothing else could be seen.
    values = sorted(value for _, value in every)
    top = values[min(len(values) - 1, int(len(values) * 0.98))] * 1.1 or 1.0

    def at(step: float, value: float) -> tuple[float, float]:
        x = LEFT + (WIDE - LEFT - 20) * step / last
        y = HIGH - BELOW - (HIGH - BELOW - ABOVE) * min(value, top) / top
        return round(x, 1), round(y, 1)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" '
        'font-family="system-ui, sans-serif" font-size="12" fill="#333">',
        f'<rect width="{WIDE}" height="{HIGH}" fill="#fff"/>',
        f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>',
    ]
    for value in _ticks(top, 5):
        x, y = at(0, value)
        parts.append(f'<line x1="{x}" x2="{WIDE - 20}" y1="{y}" y2="{y}" stroke="#e6e6e6"/>')
        parts.append(f'<text x="{x - 8}" y="{y + 4}" text-anchor="end">{value:g}</text>')
    for step in _ticks(last, 8):
        x, y = at(step, 0)
        parts.append(f'<text x="{x}" y="{y + 18}" text-anchor="middle">{step:g}</text>')
    parts.append(f'<text x="{WIDE - 20}" y="{HIGH - 8}" text-anchor="end">steps</text>')
    lines = [
        ("training", TRAINING, train, 1.0),
        ("training, running mean", SMOOTH, smoothed(train), 2.0),
        ("validation", VALIDATION, held, 2.0),
    ]
    x = WIDE - 20.0
    for name, colour, line, width in reversed(lines):
        if not line:
            continue
        points = " ".join(f"{a},{b}" for a, b in (at(*p) for p in line))
        parts.append(
            f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        )
        if name == "validation" and len(line) < 40:
            places = [at(*point) for point in line]
            parts += [f'<circle cx="{a}" cy="{b}" r="3" fill="{colour}"/>' for a, b in places]
        parts.append(f'<text x="{x}" y="22" text-anchor="end" fill="{colour}">{name}</text>')
        x -= 9 * len(name)
    return "\n".join([*parts, "</svg>\n"])


def _ticks(top: float, about: int) -> list[float]:
    """Round numbers from 0 to ``top``."""
    rough = top / about
    unit = 10.0 ** math.floor(math.log10(rough)) if rough > 0 else 1.0
    step = next(unit * k for k in (1, 2, 5, 10) if unit * k >= rough)
    return [round(step * i, 10) for i in range(int(top / step) + 1)]
