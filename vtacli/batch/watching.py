"""A folder that films come into: each is taken when it has stopped growing."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from time import monotonic, perf_counter, sleep

from vtacli.batch.agenda import Agenda, Entry
from vtacli.batch.finding import films_in
from vtacli.batch.leading import MANY, Order, Start, notes_of, recorded, witness, write_report
from vtacli.batch.record import Record
from vtacli.batch.result import BatchEvent, BatchResult, Ended
from vtacli.batch.running import Batch, BatchReport, Source
from vtacli.batch.values import Film, Stamp
from vtacli.errors import MediaError, StorageError
from vtacli.progress import Note

LOOK_S = 1.0
PAUSE_S = 30.0
"""How long to wait after the disk was full."""


class Growing(Source):
    """The films of folders that are whole: of one size and time for ``settle_s`` seconds, not
    empty, and open for writing in no process that can be seen.

    A film that changed since it was taken is taken again. ``once``: it is over when everything
    that is there was taken and is at its end.
    """

    def __init__(
        self,
        find: Callable[[], Iterable[Film]],
        decide: Callable[[list[Film]], list[Entry]],
        settle_s: float,
        once: bool,
    ) -> None:
        self._find, self._decide = find, decide
        self._settle_s, self._once = settle_s, once
        self._since: dict[Path, tuple[Stamp, float]] = {}
        self._taken: dict[Path, Stamp] = {}
        self._at_work: set[Path] = set()
        self._looked_at = -LOOK_S
        self._all_taken = False

    @property
    def open(self) -> bool:
        return not (self._once and self._all_taken)

    def take(self) -> list[Entry]:
        now = monotonic()
        if now - self._looked_at < LOOK_S:
            return []
        self._looked_at = now
        ripe: list[Film] = []
        growing = False
        for film in self._find():
            try:
                stamp = Stamp.of(film.path)
            except OSError:  # it went away meanwhile
                continue
            if self._taken.get(film.path) == stamp or film.path in self._at_work:
                continue
            before, since = self._since.get(film.path, (None, now))
            if before != stamp:
                self._since[film.path] = (stamp, now)
                growing = True
            elif now - since >= self._settle_s and stamp.size:
                ripe.append(film)
            else:
                growing |= bool(stamp.size)
        if ripe:
            busy = being_written()
            growing |= any(film.path.resolve() in busy for film in ripe)
            ripe = [film for film in ripe if film.path.resolve() not in busy]
        self._all_taken = not growing and not self._at_work
        for film in ripe:
            self._taken[film.path] = self._since.pop(film.path)[0]
            self._at_work.add(film.path)
        return self._decide(ripe) if ripe else []

    def ended(self, film: Film) -> None:
        """It may be taken again, should it change."""
        self._at_work.discard(film.path)

    def again(self) -> None:
        """What was taken and did not come to its end is taken anew."""
        for path in self._at_work:
            self._taken.pop(path, None)
        self._at_work.clear()


def being_written() -> frozenset[Path]:
    """Files that some process has open for writing, as far as the system tells (Linux does, of
    one's own processes)."""
    found: set[Path] = set()
    for number in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            for handle in (number / "fd").iterdir():
                with suppress(OSError, ValueError):
                    target = handle.readlink()
                    if target.is_absolute() and _writes(number / "fdinfo" / handle.name):
                        found.add(target)
    return frozenset(found)


def _writes(info: Path) -> bool:
    flags = next(row for row in info.read_text().splitlines() if row.startswith("flags:"))
    return int(flags.split()[1], 8) & (os.O_WRONLY | os.O_RDWR) != 0


def watch(
    order: Order, start: Start, report: BatchReport, *, settle_s: float = 5.0, once: bool = False
) -> BatchResult:
    """Dub films as they come, until told to stop or, ``once``, until none is left. The record is
    the same as a batch's.

    Films that fail are told and passed over; a full disk is waited for. Raises what
    :func:`vtacli.batch.leading.carry_out` raises before the first film.
    """
    began = perf_counter()
    for folder in order.sources:
        if not folder.is_dir():
            raise MediaError("There is no such folder.", path=folder, hint="Make it first.")
    with recorded(order, report) as (record, settings):
        agenda = Agenda(record, settings, order.policy)

        def decide(films: list[Film]) -> list[Entry]:
            return agenda.entries(films, notes_of(report))

        source = Growing(lambda: _films(order, record), decide, settle_s, once)

        def tell(event: BatchEvent) -> None:
            if isinstance(event, Ended):
                source.ended(event.report.film)
            report(event)

        with start(order, MANY, report) as engine, witness(order, record) as seen:
            batch = Batch(engine, record, settings, order.options, order.policy, tell, seen)
            report(Note(f"Watching {', '.join(str(s) for s in order.sources)}."))
            try:
                while source.open:
                    try:
                        batch.run(source)
                    except StorageError as error:
                        if once:
                            raise
                        report(Note(f"{error} Waiting for {PAUSE_S:g} s.", "warning"))
                        sleep(PAUSE_S)
                        source.again()
                        batch = Batch(
                            engine,
                            record,
                            settings,
                            order.options,
                            order.policy,
                            tell,
                            seen,
                            batch.rows,
                        )
            finally:
                rows = tuple(batch.rows[path] for path in sorted(batch.rows))
                seconds = perf_counter() - began
                result = BatchResult(rows, order.output, settings, seconds, tuple(engine.notes()))
                write_report(order, result)
    return result


def _films(order: Order, record: Record) -> Iterable[Film]:
    ours = record.outputs()
    for folder in order.sources:
        yield from films_in(folder, order.choice, order.output, ours)
