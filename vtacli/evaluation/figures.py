"""A measured figure beside what it is held to, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vtacli.evaluation.statistics import Interval

VERDICTS = {True: "holds", False: "falls short", None: ""}


@dataclass(frozen=True)
class Figure:
    """One line of the table. ``floor`` and ``goal`` are None where nothing is asked for.

    ``measured``: how, in a few words; ``digits`` after the point.
    """

    key: str
    title: str
    interval: Interval
    floor: float | None = None
    goal: float | None = None
    more_is_better: bool = True
    unit: str = ""
    measured: str = ""
    digits: int = 2

    def _reaches(self, value: float, mark: float) -> bool:
        return value >= mark if self.more_is_better else value <= mark

    @property
    def holds(self) -> bool | None:
        """Whether the floor is kept; None where there is none, False for what is no number."""
        return None if self.floor is None else self._reaches(self.interval.value, self.floor)

    @property
    def reaches_goal(self) -> bool | None:
        return None if self.goal is None else self._reaches(self.interval.value, self.goal)

    @property
    def certain(self) -> bool:
        """Whether the whole interval, where there is one, says the same of the floor."""
        low, high = self.interval.low, self.interval.high
        if self.floor is None or low is None or high is None:
            return True
        return self._reaches(low, self.floor) == self._reaches(high, self.floor)

    @property
    def verdict(self) -> str:
        """``holds``, ``falls short``, with a question mark where the interval spans the floor."""
        word = "reaches goal" if self.holds and self.reaches_goal else VERDICTS[self.holds]
        return word if self.certain else f"{word}?"

    def number(self, value: float | None) -> str:
        """A value of this figure as text, without its unit."""
        return "" if value is None else f"{value:.{self.digits}f}"

    @property
    def value_text(self) -> str:
        unit = f" {self.unit}" if self.unit else ""
        return f"{self.number(self.interval.value)}{unit}"

    @property
    def interval_text(self) -> str:
        low, high = self.interval.low, self.interval.high
        if low is None or high is None:
            return ""
        return f"{self.number(low)} to {self.number(high)}"

    def mark_text(self, mark: float | None) -> str:
        """A floor or a goal: ``≥ 0.70``."""
        return "" if mark is None else f"{'≥' if self.more_is_better else '≤'} {self.number(mark)}"

    def to_dict(self) -> dict[str, Any]:
        return {
            "key": self.key,
            "title": self.title,
            **self.interval.to_dict(),
            "unit": self.unit,
            "floor": self.floor,
            "goal": self.goal,
            "more_is_better": self.more_is_better,
            "holds": self.holds,
            "reaches_goal": self.reaches_goal,
            "certain": self.certain,
            "measured": self.measured,
        }


COLUMNS = ("figure", "value", "95 % interval", "floor", "goal", "", "measured on")


def rows(figures: Sequence[Figure]) -> list[tuple[str, ...]]:
    """The table's cells, a row a figure, under :data:`COLUMNS`."""
    return [
        (
            f.title,
            f.value_text,
            f.interval_text,
            f.mark_text(f.floor),
            f.mark_text(f.goal),
            f.verdict,
            f.measured,
        )
        for f in figures
    ]


def markdown(figures: Sequence[Figure]) -> str:
    """The table as Markdown, to paste in a model card."""
    head = ("figure", "value", "95 % interval", "floor", "goal", "verdict", "measured on")
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in rows(figures)]
    return "\n".join(lines)
