"""One measured line of the films' table, and the table as text, Markdown and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vtacli.evaluation.statistics import Interval


@dataclass(frozen=True)
class FilmFigure:
    """``made``: of the sound that was made. ``floor``: what true sound gets where that can be
    said, by ``floor_how``; ``ceiling``: what it is without meaning anything, by ``ceiling_how``.

    ``more_is_better`` is None where neither is. ``how``: what was measured, in a few words.
    ``per_clip``: name -> value, where each clip has one.
    """

    key: str
    title: str
    made: Interval
    floor: Interval | None = None
    ceiling: Interval | None = None
    floor_how: str = ""
    ceiling_how: str = ""
    more_is_better: bool | None = True
    unit: str = ""
    digits: int = 2
    how: str = ""
    per_clip: dict[str, float] | None = None

    def text(self, interval: Interval | None) -> str:
        """``0.31``, or nothing."""
        value = None if interval is None else interval.to_dict()["value"]
        return "" if value is None else f"{value:.{self.digits}f}"

    def range_text(self, interval: Interval | None) -> str:
        """``0.20 to 0.44``, or nothing."""
        if interval is None or interval.low is None or interval.high is None:
            return ""
        return f"{interval.low:.{self.digits}f} to {interval.high:.{self.digits}f}"

    def to_dict(self) -> dict[str, Any]:
        def interval(found: Interval | None, how: str) -> dict[str, Any] | None:
            return None if found is None else {**found.to_dict(), "how": how}

        return {
            "key": self.key,
            "title": self.title,
            **self.made.to_dict(),
            "floor": interval(self.floor, self.floor_how),
            "ceiling": interval(self.ceiling, self.ceiling_how),
            "more_is_better": self.more_is_better,
            "unit": self.unit,
            "how": self.how,
        }


COLUMNS = ("figure", "made", "95 % interval", "true sound", "chance", "clips", "measured")
SIGNS = {True: " ↑", False: " ↓", None: ""}


def rows(figures: Sequence[FilmFigure]) -> list[tuple[str, ...]]:
    """The table's cells under :data:`COLUMNS`."""
    return [
        (
            f"{f.title}{SIGNS[f.more_is_better]}",
            " ".join(filter(None, (f.text(f.made), f.unit))),
            f.range_text(f.made),
            _beside(f, f.floor),
            _beside(f, f.ceiling),
            str(f.made.units),
            f.how,
        )
        for f in figures
    ]


def _beside(figure: FilmFigure, found: Interval | None) -> str:
    if found is None:
        return ""
    spread = figure.range_text(found)
    others = f", {found.units} clips" if found.units != figure.made.units else ""
    inside = f"{spread}{others}".removeprefix(", ")
    return f"{figure.text(found)} ({inside})" if inside else figure.text(found)


def markdown(figures: Sequence[FilmFigure]) -> str:
    """The table, to paste."""
    lines = ["| " + " | ".join(COLUMNS) + " |", "|" + "---|" * len(COLUMNS)]
    lines += ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in rows(figures)]
    return "\n".join(lines)


def figures_csv(figures: Sequence[FilmFigure]) -> str:
    """A row a figure, numbers in full."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = ("value", "low", "high")
    head = ["key", "title", "unit", *names, "clips"]
    head += [f"{side}_{n}" for side in ("floor", "ceiling") for n in names]
    writer.writerow([*head, "floor_how", "ceiling_how", "how"])
    for f in figures:
        cells: list[Any] = [f.key, f.title, f.unit, *_numbers(f.made), f.made.units]
        cells += [*_numbers(f.floor), *_numbers(f.ceiling), f.floor_how, f.ceiling_how, f.how]
        writer.writerow(cells)
    return out.getvalue()


def clips_csv(names: Sequence[str], figures: Sequence[FilmFigure]) -> str:
    """A row a clip, a column a figure that clips have."""
    told = [f for f in figures if f.per_clip is not None]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["clip", *(f.key for f in told)])
    for name in names:
        values = [(f.per_clip or {}).get(name) for f in told]
        writer.writerow([name, *("" if v is None else f"{v:.6g}" for v in values)])
    return out.getvalue()


def _numbers(found: Interval | None) -> list[Any]:
    if found is None:
        return ["", "", ""]
    told = found.to_dict()
    return ["" if told[n] is None else told[n] for n in ("value", "low", "high")]
