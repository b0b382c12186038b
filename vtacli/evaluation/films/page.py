"""The page of an evaluated folder of films. It asks nothing of any network."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from vtacli.errors import OutputError
from vtacli.evaluation.films.figure import COLUMNS, rows
from vtacli.evaluation.films.material import Clip

if TYPE_CHECKING:
    from vtacli.evaluation.films.run import FilmScores

WIDE, HIGH = 640, 84
"""Of the drawing of a clip's motion, in its own units."""
TOP, ROW = 16, 16
"""Height of the strikes that hang from the top, and of each row of onsets below."""


def write_films_page(folder: Path, scores: FilmScores) -> Path:
    """Write ``index.html``, whole or not at all. Raises OutputError."""
    return write_page_of("films.html", folder / "index.html", content(scores))


def write_page_of(template: str, path: Path, values: dict[str, Any]) -> Path:
    """Fill a template of this folder's neighbour and write it. Raises OutputError."""
    here = Environment(
        loader=FileSystemLoader(Path(__file__).parents[1]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    text = here.get_template(template).render(values)
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise OutputError(
            f"The page cannot be written: {(error.strerror or '').lower()}.", path=path
        ) from error
    return path


def content(scores: FilmScores) -> dict[str, Any]:
    """What the template is given."""
    told = [f for f in scores.figures if f.per_clip is not None]
    clips = []
    for clip, shown in zip(scores.clips, scores.shown, strict=True):
        values = [
            {"title": f.title, "value": f"{value:.{f.digits}f}", "unit": f.unit}
            for f in told
            if (value := (f.per_clip or {}).get(clip.name)) is not None
        ]
        clips.append({"clip": clip, "shown": shown, "drawing": drawing(clip), "values": values})
    return {
        "about": scores.about,
        "columns": COLUMNS,
        "rows": list(zip(scores.figures, rows(scores.figures), strict=True)),
        "clips": clips,
        "left_out": scores.left_out,
        "wide": WIDE,
        "high": HIGH,
        "row": ROW,
        "top": TOP,
    }


def drawing(clip: Clip) -> dict[str, Any]:
    """Motion as a hill, strikes of the picture from the top, onsets in rows below it."""
    length = clip.seen.duration_s

    def across(times_s: Iterable[float]) -> list[float]:
        return [round(float(t) / length * WIDE, 1) for t in times_s if 0 <= t <= length]

    motion = clip.seen.motion
    most = max((e for _, e in motion), default=0.0) or 1.0
    floor = HIGH - 2
    hill = [
        f"{round(t / length * WIDE, 1)},{round(floor - e / most * (floor - TOP - 6), 1)}"
        for t, e in motion
    ]
    if hill:
        first, last = across([motion[0][0]]), across([motion[-1][0]])
        hill = [f"{first[0]},{floor}", *hill, f"{last[0]},{floor}"]
    rows_below = [("made", across(clip.made.onsets_s))]
    if clip.true is not None:
        rows_below.append(("true", across(clip.true.onsets_s)))
    if clip.hits_s is not None:
        rows_below.append(("hits", across(clip.hits_s)))
    every = 1 if length <= 20 else 5 if length <= 120 else 30
    return {
        "motion": " ".join(hill),
        "strikes": across(clip.seen.strikes_s),
        "cuts": across(clip.seen.cuts_s),
        "rows": rows_below,
        "seconds": [(across([s])[0], s) for s in range(0, int(length) + 1, every)],
        "tall": HIGH + ROW * len(rows_below) + 12,
    }
