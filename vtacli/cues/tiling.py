"""From the rows of a sheet to scenes that tile the film."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from vtacli.cues.sheet import GAPS, NOTES, ROW_KEYS, FilmFacts, RawSheet, Table
from vtacli.cues.times import Clock
from vtacli.cues.values import (
    LARGEST_SEED,
    MOST_TAKES,
    gain_of,
    hits_of,
    marked_hits,
    text_of,
    time_of,
    truth_of,
    whole_of,
)
from vtacli.timeline import Hit, Scene, Span


@dataclass(frozen=True)
class _Row:
    """A row with its times; ``end_s`` None where it goes on to the next one."""

    table: Table
    start_s: Fraction
    end_s: Fraction | None

    @property
    def where(self) -> str:
        line = self.table.line_of(None)
        return f"the one of line {line}" if line is not None else self.table.what


def scenes_of(raw: RawSheet, film: FilmFacts, clock: Clock) -> tuple[Scene, ...]:
    """Every row a scene, and every gap between rows one of the film's own choices.

    ``gaps = "silent"`` in the head mutes those. A gap of at most one frame is none: the row before
    it goes on, as where a last picture was written for an end. Rows may overlap by half a frame,
    which is rounding. Raises ConfigError with file and line.
    """
    silent = _gaps(raw.head) == "silent"
    marks = marked_hits(raw.head, film.duration_s, film.frame_rate)
    frame_s = 1 / film.frame_rate if film.frame_rate > 0 else Fraction(0)
    rows = _ordered(raw.rows, film, clock, frame_s)
    scenes: list[Scene] = []
    at = Fraction(0)
    for row, end_s in _bounded(rows, film, frame_s):
        start_s = row.start_s
        if start_s > at:
            if start_s - at > frame_s:
                scenes.append(Scene(len(scenes), Span(at, start_s), mute=silent))
            elif scenes:
                last = scenes[-1]
                scenes[-1] = replace(last, span=Span(last.span.start_s, start_s))
            else:
                start_s = at
        scenes.append(_scene(len(scenes), row.table, Span(start_s, end_s), film, clock))
        at = end_s
    if at < film.duration_s:
        scenes.append(Scene(len(scenes), Span(at, film.duration_s), mute=silent))
    return tuple(_with_marks(scene, marks) for scene in scenes)


def _ordered(
    tables: Sequence[Table], film: FilmFacts, clock: Clock, frame_s: Fraction
) -> list[_Row]:
    """The rows in film order, each checked by itself."""
    rows, numbers = [], dict[int, _Row]()
    for table in tables:
        table.check_keys(ROW_KEYS + NOTES)
        start_s, end_s = time_of(table, "start", clock), time_of(table, "end", clock)
        if start_s is None:
            table.refuse(None, f"{table.what} has no start.", "Say where it begins: start = 12.5.")
        end = f"{float(film.duration_s):.3f} s"
        if start_s >= film.duration_s:
            table.refuse("start", f"start: the film ends at {end}, before this scene begins.")
        if end_s is not None and end_s > film.duration_s + frame_s:
            table.refuse("end", f"end: the film ends at {end}.", "Leave end out: up to the end.")
        if end_s is not None and end_s <= start_s:
            table.refuse("end", "end: the scene ends before it begins.")
        row = _Row(table, start_s, end_s)
        number = whole_of(table, "scene", 1, 10**6)
        if number is not None and number in numbers:
            other = numbers[number].where
            table.refuse(
                "scene", f"There is a scene {number} already, {other}.", "Leave scene out."
            )
        if number is not None:
            numbers[number] = row
        rows.append(row)
    return sorted(rows, key=lambda row: row.start_s)


def _bounded(rows: list[_Row], film: FilmFacts, frame_s: Fraction) -> list[tuple[_Row, Fraction]]:
    """Each row with its end, which is at most the next one's start. Refuses those that overlap."""
    bounded = []
    for row, after in zip(rows, [*rows[1:], None], strict=True):
        until = film.duration_s if after is None else after.start_s
        if after is not None and after.start_s == row.start_s:
            after.table.refuse("start", f"This scene begins where {row.where} does.")
        end_s = until if row.end_s is None else row.end_s
        if after is not None and end_s - until > frame_s / 2:
            after.table.refuse(
                "start",
                f"This scene begins at {float(until):.3f} s, before {row.where} ends at "
                f"{float(end_s):.3f} s. Scenes do not overlap.",
                "Leave end out: a scene then goes on to the next one.",
            )
        if after is None and 0 < until - end_s <= frame_s:
            end_s = until
        bounded.append((row, min(end_s, until)))
    return bounded


def _scene(index: int, table: Table, span: Span, film: FilmFacts, clock: Clock) -> Scene:
    own = hits_of(table, clock)
    for hit in own:
        if not span.contains(hit.time_s):
            table.refuse(
                "hits",
                f"hits: {float(hit.time_s):.3f} s is not in this scene, which lies from "
                f"{float(span.start_s):.3f} to {float(span.end_s):.3f} s.",
                "Hits count from the film's start, as start and end do.",
            )
    seed = whole_of(table, "seed", 0, LARGEST_SEED)
    scene = Scene(
        index,
        span,
        prompt=text_of(table, "prompt"),
        negative=text_of(table, "negative"),
        seed=seed,
        hits=own,
        takes=whole_of(table, "takes", 1, MOST_TAKES) or 1,
        gain_db=gain_of(table),
        mute=truth_of(table, "mute"),
        lock=truth_of(table, "lock"),
    )
    return _with_marks(scene, marked_hits(table, film.duration_s, film.frame_rate))


def _with_marks(scene: Scene, marks: tuple[Hit, ...]) -> Scene:
    """The scene with those marks that lie in it; its own hits come before marks at their times."""
    hits = {m.time_s: m for m in marks if scene.span.contains(m.time_s)}
    hits |= {h.time_s: h for h in scene.hits}
    return replace(scene, hits=tuple(hits[t] for t in sorted(hits)))


def _gaps(head: Table) -> str:
    said = text_of(head, "gaps")
    if said is not None and said not in GAPS:
        head.refuse("gaps", f"gaps is {' or '.join(GAPS)}, not {said!r}.")
    return said or GAPS[0]
