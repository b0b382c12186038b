"""The story of a batch: films go to an engine, what is whole gets its name, the rest is told."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import monotonic
from typing import Protocol

from vtacli.batch.agenda import Entry, Policy
from vtacli.batch.engine import Engine
from vtacli.batch.record import Record
from vtacli.batch.result import (
    FAILED,
    MADE,
    NOT_TRIED,
    TO_DO,
    BatchEvent,
    Begun,
    Ended,
    Event,
    FilmReport,
)
from vtacli.batch.values import Failed, FilmTask, Lost, Made, Progress, Stamp, Told, Waiting
from vtacli.errors import StorageError, ToolError, VtaError
from vtacli.media.door import check_destination, check_room
from vtacli.media.staging import flush
from vtacli.options import GenerateOptions
from vtacli.progress import Note

TICK_S = 0.25
LOSSES = 3
"""So many times a worker may be lost with a film before the film is held to be the reason."""
SPARE_BYTES = 64 << 20
"""Free space beside a film's own size, for its sound while it is being made."""

BatchReport = Callable[[BatchEvent], None]


class Source(Protocol):
    """Where entries come from. ``open``: whether there may be more of them."""

    @property
    def open(self) -> bool: ...

    def take(self) -> list[Entry]:
        """Those that came since the last time."""
        ...


class Listed(Source):
    """A source that is known as a whole from the start."""

    def __init__(self, entries: list[Entry]) -> None:
        self._entries = entries

    @property
    def open(self) -> bool:
        return False

    def take(self) -> list[Entry]:
        entries, self._entries = self._entries, []
        return entries


@dataclass
class _Running:
    """A film at work. ``heard``: when its worker last said something."""

    entry: Entry
    making: Path
    began: float
    heard: float
    waiting: bool = False
    over: str = ""


@dataclass
class Batch:
    """``rows`` holds the state of every film so far, by path, also when :meth:`run` raises."""

    engine: Engine
    record: Record
    settings: str
    options: GenerateOptions
    policy: Policy
    report: BatchReport
    witness: Path | None = None
    rows: dict[Path, FilmReport] = field(default_factory=dict)
    _pending: deque[Entry] = field(default_factory=deque)
    _running: dict[int, _Running] = field(default_factory=dict)
    _losses: dict[Path, int] = field(default_factory=dict)
    _tries: dict[Path, int] = field(default_factory=dict)
    _number: int = 0
    _ended: int = 0
    _stop: VtaError | None = None
    _failing_fast: bool = False

    def run(self, source: Source) -> None:
        """Work until the source is empty and every film came to its end.

        Raises StorageError where the disk is full: what is done stays done, and running again
        goes on. What else it raises, an engine did that cannot work at all.
        """
        while True:
            self._take(source.take())
            self._submit()
            if not self._running and not (self._pending or source.open):
                break
            if not self._running and self._halted:
                break
            for told in self.engine.poll(TICK_S):
                self._hear(told)
            self._look_at_the_clock()
        for entry in self._pending:
            self._note(entry, NOT_TRIED)
        self._pending.clear()
        if self._stop is not None:
            raise self._stop

    @property
    def _halted(self) -> bool:
        return self._stop is not None or self._failing_fast

    def _take(self, entries: list[Entry]) -> None:
        for entry in entries:
            self.rows[entry.film.path] = entry.report
            if entry.report.state == TO_DO:
                self._pending.append(entry)
            else:
                self._end(entry, entry.report)

    def _submit(self) -> None:
        while self._pending and len(self._running) < self.engine.jobs and not self._halted:
            entry = self._pending.popleft()
            try:
                self._begin(entry)
            except StorageError as error:
                self._pending.appendleft(entry)
                self._halt(error)
            except OSError:  # the film is not there any more: its attempt says so
                self._hand_over(entry)

    def _begin(self, entry: Entry) -> None:
        check_room(self.record.output, entry.film.path.stat().st_size + SPARE_BYTES)
        self._hand_over(entry)

    def _hand_over(self, entry: Entry) -> None:
        self._number += 1
        now = monotonic()
        making = self.record.making(self._number, entry.output.name)
        self._running[self._number] = _Running(entry, making, now, now)
        self._tries[entry.film.path] = self._tries.get(entry.film.path, 0) + 1
        self.report(Begun(self._number, entry.film))
        self.engine.submit(
            FilmTask(
                number=self._number,
                film=entry.film.path,
                making=making,
                options=replace(self.options, overwrite=False),
                content=entry.content,
                witness=self.witness,
            )
        )

    def _hear(self, told: Told) -> None:
        running = self._running.get(told.number)
        if running is None:
            return
        running.heard = monotonic()
        if isinstance(told, Progress):
            self.report(Event(told.number, running.entry.film, told.event))
        elif isinstance(told, Waiting):
            running.waiting = told.waiting
        else:
            del self._running[told.number]
            try:
                self._outcome(told, running)
            finally:
                shutil.rmtree(running.making.parent, ignore_errors=True)

    def _outcome(self, told: Made | Failed | Lost, running: _Running) -> None:
        if isinstance(told, Lost):
            told_again = self._lost(told, running)
            if told_again is None:
                return
            told = told_again
        if isinstance(told, Made):
            try:
                self._publish(told, running)
                return
            except VtaError as error:
                told = Failed(told.number, error.exit_code, str(error), told.content, told.source)
        self._failed(told, running)

    def _lost(self, lost: Lost, running: _Running) -> Failed | None:
        """What a lost worker means: another attempt, or that the film is at fault."""
        entry = running.entry
        if running.over:
            return Failed(lost.number, 3, running.over, entry.content, _stamp(entry))
        if self._halted:
            self._pending.appendleft(entry)
            return None
        count = self._losses[entry.film.path] = self._losses.get(entry.film.path, 0) + 1
        if count < LOSSES:
            name = entry.film.path.name
            self.report(Note(f"The worker on {name} is lost ({lost.reason}): again.", "warning"))
            self._tries[entry.film.path] -= 1
            self._pending.appendleft(entry)
            return None
        error = ToolError(
            f"Its worker was lost {count} times ({lost.reason}).",
            path=entry.film.path,
            hint="The film may bring a decoder down: copy or export it again.",
        )
        return Failed(lost.number, error.exit_code, str(error), entry.content, _stamp(entry))

    def _publish(self, made: Made, running: _Running) -> None:
        """Give the new film its name. The record is ahead of it by a moment."""
        entry, output = running.entry, running.entry.output
        try:
            output.parent.mkdir(parents=True, exist_ok=True)
            ours = self.policy.overwrite or self.record.owns(output)
            check_destination(entry.film.path, output, overwrite=ours)
            self.record.add_done(made, self.settings, output, entry.film.path)
            running.making.replace(output)
        except OSError as error:
            raise StorageError(
                f"The finished film could not be given its name: {error.strerror}.", path=output
            ) from error
        flush(output.parent)
        report = replace(
            entry.report,
            state=MADE,
            seed=made.seed,
            seconds=made.seconds,
            duration_s=float(made.result.get("duration_s", 0.0)),
            windows=len(made.result.get("windows", ())),
            warnings=tuple(made.result.get("warnings", ())),
            sha256=made.sha256,
        )
        self._end(entry, report, made.number)

    def _failed(self, failed: Failed, running: _Running) -> None:
        entry = running.entry
        path = entry.film.path
        if failed.code == StorageError.exit_code:
            self._pending.appendleft(entry)
            self._halt(StorageError(failed.text))
            return
        if self._halted:
            self._pending.appendleft(entry)
            return
        self.record.add_failed(failed, self.settings, path, self._tries[path], self.policy.limit_s)
        if self._tries[path] < entry.tries:
            self.report(Note(f"{path.name} failed and is tried again later: {failed.text}"))
            self._pending.append(entry)
            return
        report = replace(
            entry.report,
            state=FAILED,
            code=failed.code,
            text=failed.text,
            seconds=monotonic() - running.began,
        )
        self._end(entry, report, failed.number)
        if self.policy.fail_fast:
            self._failing_fast = True
            self._cancel_all()

    def _halt(self, error: StorageError) -> None:
        """The disk is full: others would fail of it one by one."""
        if self._stop is None:
            done = sum(r.state == MADE for r in self.rows.values())
            self._stop = StorageError(
                f"The batch stops, for every further film would fail: {error.message}",
                path=self.record.output,
                hint=f"{done} films were made. Free some space and run the same command again: "
                "it goes on where it was.",
            )
            self._cancel_all()

    def _cancel_all(self) -> None:
        for number in self._running:
            self.engine.cancel(number)

    def _look_at_the_clock(self) -> None:
        now = monotonic()
        limit_s, stall_s = self.policy.limit_s, self.policy.stall_s
        for number, running in self._running.items():
            if running.over or self._halted:
                continue
            name = running.entry.film.path.name
            if limit_s is not None and now - running.began > limit_s:
                running.over = f"{name}: It was not done within {limit_s:g} s. Raise --time-limit."
            elif stall_s is not None and not running.waiting and now - running.heard > stall_s:
                running.over = (
                    f"{name}: Nothing happened for {stall_s:g} s. Look at the film and at the "
                    "disk that it is on, or raise --stall."
                )
            if running.over:
                self.engine.cancel(number)

    def _note(self, entry: Entry, state: str) -> None:
        self.rows[entry.film.path] = replace(entry.report, state=state)

    def _end(self, entry: Entry, report: FilmReport, number: int = 0) -> None:
        self.rows[entry.film.path] = report
        self._ended += 1
        self.report(Ended(number, report, self._ended, len(self.rows)))


def _stamp(entry: Entry) -> Stamp | None:
    """The film as it is now; None where it is gone."""
    try:
        return Stamp.of(entry.film.path)
    except OSError:
        return None
