"""A batch for eyes: a bar for the whole and one for each film that is open, and the table."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vtacli.batch.result import (
    BEFORE,
    FAILED_BEFORE,
    MADE,
    NOT_TRIED,
    TO_DO,
    BatchEvent,
    BatchResult,
    Begun,
    Ended,
    Event,
    FilmReport,
)
from vtacli.errors import printable
from vtacli.progress import Note

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from vtacli.cli.shell import Shell

NAME_WIDTH = 28


class BatchConsole:
    """Draws a batch's events with a shell's console; a context manager."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._console = shell.console
        self._bars: Progress | None = None
        self._whole: TaskID | None = None
        self._films: dict[int, TaskID] = {}
        self._said: set[str] = set()

    def __enter__(self) -> BatchConsole:
        self._bars = self._console.bars
        return self

    def __exit__(self, *_: object) -> None:
        for task in self._films.values():
            if self._bars is not None:
                self._bars.remove_task(task)

    def report(self, event: BatchEvent) -> None:
        """Show one event. Raises Stopped where a signal came."""
        self._shell.signals.check()
        if isinstance(event, Note):
            self._console.report(event)
        elif self._console.progress == "json":
            _json_line(event)
        elif isinstance(event, Ended):
            self._ended(event)
        elif isinstance(event, Begun):
            if self._bars is not None:
                name = _short(printable(event.film.path.name))
                self._films[event.number] = self._bars.add_task(name, total=None, detail="begins")
        elif isinstance(event.event, Note):
            self._note(event, event.event)
        elif self._bars is not None and event.number in self._films:
            step = event.event
            self._bars.update(
                self._films[event.number],
                completed=step.done,
                total=step.total,
                detail=step.stage,
            )

    def _note(self, event: Event, note: Note) -> None:
        """A film's own words, with its name; what all films say alike is said once."""
        if note.level == "detail" or note.text in self._said:
            return
        self._said.add(note.text)
        name = printable(event.film.path.name)
        self._console.report(Note(f"{name}: {note.text}", note.level))

    def _ended(self, event: Ended) -> None:
        report = event.report
        if self._bars is not None:
            if event.number in self._films:
                self._bars.remove_task(self._films.pop(event.number))
            if self._whole is None:
                self._whole = self._bars.add_task("all films", total=event.total, detail="")
            self._bars.update(
                self._whole,
                completed=event.done,
                total=event.total,
                detail=f"{event.done} of {event.total}",
            )
        if report.state not in (BEFORE, FAILED_BEFORE):
            self._console.report(Note(f"{event.done} of {event.total}: {_line(report)}"))


def _line(report: FilmReport) -> str:
    name = printable(report.film.relative)
    if report.state == MADE:
        speed = f", {report.seconds:.1f} s for {report.duration_s:.1f} s of film"
        return f"{name} made{speed}"
    return f"{name} {report.state}: {report.text}" if report.text else f"{name} {report.state}"


def result_text(result: BatchResult, dry_run: bool = False) -> RenderableType:
    """For ``vta batch``: what failed, or with ``--dry-run`` everything; and the sums."""
    parts: list[RenderableType] = []
    rows = result.films if dry_run else [f for f in result.films if f.bad or f.state == NOT_TRIED]
    if rows:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("film", overflow="fold")
        table.add_column("state")
        if any(f.code for f in rows):
            table.add_column("code", justify="right")
        table.add_column("output and why" if dry_run else "why", overflow="fold")
        for film in rows:
            code = [str(film.code) if film.code else ""] if any(f.code for f in rows) else []
            why = film.text or film.why
            if dry_run and film.output is not None and not film.text:
                where = printable(film.output.relative_to(result.output))
                why = f"{where}{f' ({film.why})' if film.why else ''}"
            table.add_row(printable(film.film.relative), film.state, *code, Text(why))
        parts += [table, Text()]
    summary = result.summary()
    if dry_run and result.count(TO_DO):
        summary += f", {result.count(TO_DO)} to do"
    parts.append(Text(summary))
    made_s = sum(f.duration_s for f in result.films if f.state == MADE)
    if result.count(MADE):
        speed = made_s / result.seconds if result.seconds else 0.0
        parts.append(
            Text(
                f"{made_s:.1f} s of film in {result.seconds:.1f} s, {speed:.1f} times real time; "
                + ", ".join(result.notes)
            )
        )
    return Group(*parts)


def _json_line(event: Begun | Event | Ended) -> None:
    line: dict[str, Any]
    if isinstance(event, Begun):
        line = {"event": "begun", "film": printable(event.film.path)}
    elif isinstance(event, Ended):
        line = {"event": "ended", "done": event.done, "total": event.total}
        line |= event.report.to_dict()
    elif isinstance(event.event, Note):
        note = event.event
        line = {"event": "note", "film": printable(event.film.path)}
        line |= {"level": note.level, "text": note.text}
    else:
        step = event.event
        line = {"event": "step", "film": printable(event.film.path), "stage": step.stage}
        line |= {"done": step.done, "total": step.total, "detail": step.detail}
    sys.stderr.write(json.dumps(line, ensure_ascii=False) + "\n")
    sys.stderr.flush()


def _short(name: str) -> str:
    half = NAME_WIDTH // 2 - 1
    return name if len(name) <= NAME_WIDTH else f"{name[:half]}…{name[-half:]}"
