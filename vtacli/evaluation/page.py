"""One page of what was found: tables, players, spectrograms. It asks nothing of any network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vtacli.errors import ConfigError
from vtacli.evaluation.figures import COLUMNS, rows
from vtacli.evaluation.notebook import Row

if TYPE_CHECKING:
    from vtacli.evaluation.suite import Scores

TEMPLATE = "page.html"
WIDE, HIGH = 640, 96
"""Of the drawing of a film's motion, in its own units."""


def write_page(folder: Path, scores: Scores) -> Path:
    """Write ``index.html``, whole or not at all. Raises ConfigError where jinja2 is missing."""
    try:
        from jinja2 import Environment, FileSystemLoader, StrictUndefined
    except ImportError as error:
        raise ConfigError(
            "the page needs jinja2, which is not installed",
            hint="pip install 'vta[evaluate]' brings it.",
        ) from error
    here = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = here.get_template(TEMPLATE).render(content(scores))
    path = folder / "index.html"
    partial = folder / ".index.html.part"
    partial.write_text(text, encoding="utf-8")
    partial.replace(path)
    return path


def content(scores: Scores) -> dict[str, Any]:
    """What the template is given."""
    sections = scores.sections
    words = sections.get("words", {})
    return {
        "about": scores.about,
        "columns": COLUMNS,
        "table": [
            {"cells": cells, "holds": f.holds, "control": f.floor is None and f.goal is None}
            for f, cells in zip(scores.figures, rows(scores.figures), strict=True)
        ],
        "short": len(scores.falling_short),
        "held": sum(f.holds is not None for f in scores.figures),
        "films": [
            {**f, "drawing": drawing(f, f["heard"]["prompted"], f["heard"]["written"])}
            for f in sections.get("hits", {}).get("films", [])
            if f["shown"]
        ],
        "kinds": sections.get("hits", {}).get("f1", {}).get("by kind", {}),
        "prompts": words.get("prompts", []),
        "confusion": words.get("confusion"),
        "grid": grid(words.get("sounds", []), words.get("prompts", []), named=True),
        "others": grid(words.get("sounds", []), words.get("prompts", []), named=False),
        "clips": [
            {**c, "drawing": drawing(c, c["heard"])}
            for c in sections.get("clips", {}).get("clips", [])
        ],
        "wide": WIDE,
        "high": HIGH,
    }


def grid(sounds: Sequence[Row], prompts: Sequence[Row], *, named: bool) -> list[dict[str, Any]]:
    """A row a prompt, with the sounds that there are files of."""
    return [
        {**p, "sounds": kept}
        for p in prompts
        if p["named"] == named
        and (kept := [s for s in sounds if s["prompt"] == p["prompt"] and "sound" in s])
    ]


def drawing(film: Row, heard: Sequence[float], written: Sequence[float] = ()) -> dict[str, Any]:
    """Motion as a polygon, hits as lines from the top, onsets as lines from the bottom; what is
    heard with hits written stands in a row of its own below."""
    length = float(film["duration_s"])

    def x(time_s: float) -> float:
        return round(time_s / length * WIDE, 1)

    motion = film["motion"]
    loudest = max([m[1] for m in motion], default=0.0) or 1.0
    points = [f"{x(t)},{HIGH - 24 - round(e / loudest * (HIGH - 48), 1)}" for t, e, _ in motion]
    if points:
        points = [f"{x(motion[0][0])},{HIGH - 24}", *points, f"{x(motion[-1][0])},{HIGH - 24}"]
    return {
        "motion": " ".join(points),
        "hits": [(x(t), round(24 * s, 1)) for t, s in film["hits"]],
        "heard": [x(t) for t in heard if t <= length],
        "written": [x(t) for t in written if t <= length],
        "cuts": [x(t) for t in film["cuts"]],
        "seconds": [(x(s), s) for s in range(int(length) + 1)],
    }
