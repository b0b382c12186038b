"""Everything that is written for eyes. stdout is the answer, stderr the conversation.

Nothing coloured or moving is written to what is not a terminal, and no line of it is wrapped.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from vtacli.progress import Event, Note, Step

if TYPE_CHECKING:
    from rich.console import Console as RichConsole
    from rich.console import RenderableType
    from rich.progress import Progress, TaskID

PROGRESS = ("rich", "json", "none")


class Console:
    """``progress`` is one of :data:`PROGRESS`; ``quiet`` leaves warnings and errors alone."""

    def __init__(self, progress: str = "rich", quiet: bool = False, verbose: bool = False) -> None:
        self.progress = progress
        self.quiet = quiet
        self.verbose = verbose
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._stages: list[str] = []

    def __enter__(self) -> Console:
        if self.progress == "rich" and not self.quiet and sys.stderr.isatty():
            self._bars = _bars(_rich(stderr=True))
            self._bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bars is not None:
            self._bars.stop()
            self._bars = None

    @property
    def bars(self) -> Progress | None:
        """The bars on the screen, for whoever draws more than one stage; None: there are none."""
        return self._bars

    def report(self, event: Event) -> None:
        """Show one event of the work."""
        if isinstance(event, Note):
            self._note(event)
        elif self.progress == "json":
            self._json_line(
                event="step",
                stage=event.stage,
                done=event.done,
                total=event.total,
                detail=event.detail,
            )
        elif self._bars is not None:
            self._advance(self._bars, event)
        elif self.progress == "rich" and not self.quiet and event.stage not in self._stages:
            self._stages.append(event.stage)
            self._line(f"{event.stage} …")

    def error(self, text: str, code: int) -> None:
        """The one sentence with which a command fails."""
        if self.progress == "json":
            self._json_line(event="error", code=code, text=text)
        else:
            self._line(f"vta: {text}")

    def answer(self, answer: RenderableType, as_json: dict[str, Any] | None = None) -> None:
        """Write the command's answer to stdout: one JSON object, or what a person reads."""
        if as_json is not None:
            sys.stdout.write(json.dumps(as_json, ensure_ascii=False) + "\n")
        else:
            _rich(stderr=False).print(answer, markup=False, highlight=False, soft_wrap=True)
        sys.stdout.flush()

    def _note(self, note: Note) -> None:
        if note.level == "detail" and not self.verbose:
            return
        if self.progress == "json":
            self._json_line(event="note", level=note.level, text=note.text)
        elif note.level == "warning":
            self._line(f"warning: {note.text}")
        elif not self.quiet:
            self._line(note.text)

    def _advance(self, bars: Progress, step: Step) -> None:
        if step.stage not in self._tasks:
            self._tasks[step.stage] = bars.add_task(step.stage, total=step.total, detail="")
        bars.update(
            self._tasks[step.stage], completed=step.done, total=step.total, detail=step.detail
        )

    def _line(self, text: str) -> None:
        if self._bars is not None:
            self._bars.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def _json_line(self, **values: Any) -> None:
        sys.stderr.write(json.dumps(values, ensure_ascii=False) + "\n")
        sys.stderr.flush()


def _rich(*, stderr: bool) -> RichConsole:
    from rich.console import Console as RichConsole

    stream = sys.stderr if stderr else sys.stdout
    # what is piped is as wide as it is: a table is not cut to 80 columns that nobody has
    return RichConsole(file=stream, width=None if stream.isatty() else 160)


def _bars(console: RichConsole) -> Progress:
    from rich.progress import (
        BarColumn,
        Progress,
        TaskProgressColumn,
        TextColumn,
        TimeRemainingColumn,
    )

    return Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[detail]}", markup=False),
        console=console,
        transient=False,
    )
