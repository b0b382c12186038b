"""A batch from what was ordered to its result: films found, held against the record, worked at."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter

from vtacli.batch.agenda import Agenda, Policy
from vtacli.batch.content import settings_hash, settings_of
from vtacli.batch.engine import Engine
from vtacli.batch.finding import Choice, find_films
from vtacli.batch.holding import Held, Wanted, cores
from vtacli.batch.local import LocalEngine
from vtacli.batch.record import Record
from vtacli.batch.result import BEFORE, TO_DO, BatchResult, FilmReport
from vtacli.batch.running import Batch, BatchReport, Listed
from vtacli.batch.values import Film
from vtacli.models import ModelHandle
from vtacli.options import GenerateOptions
from vtacli.planning import check_request, read_references
from vtacli.progress import Event, Note
from vtacli.store.pins import write_json
from vtacli.window_cache.facade import fingerprint_of, remembered

MOST_JOBS = 16
KEPT = "Their outputs keep the names that they have; --dry-run lists them."
MANY = 1 << 30
"""More films than anybody has: where it is not known how many will come."""


@dataclass(frozen=True)
class Order:
    """What is asked of a batch. ``jobs``: films that are open at once, 0: as suits the machine.

    ``report_file``: where the result goes as JSON, also that of a batch that was stopped.
    ``shared``: workers are on other machines, and must see the output's folder. ``cache``: windows
    that were made before are taken from the cache.
    """

    sources: tuple[Path, ...]
    output: Path
    options: GenerateOptions
    wanted: Wanted
    choice: Choice = field(default_factory=Choice)
    policy: Policy = field(default_factory=Policy)
    jobs: int = 0
    report_file: Path | None = None
    shared: bool = False
    cache: bool = True


Start = Callable[[Order, int, BatchReport], AbstractContextManager[Engine]]
"""Starts an engine for at most so many films at once."""


@contextmanager
def local(order: Order, most: int, report: BatchReport) -> Iterator[Engine]:
    """This machine's processes around one model. Raises WeightsMissing, WeightsRefused and
    DeviceError."""
    jobs = order.jobs or max(2, min(MOST_JOBS, cores() + 1))
    with (
        Held(order.wanted) as held,
        remembered(held.handle, notes_of(report), use=order.cache) as known,
    ):
        engine = LocalEngine(held, known.handle.load(), max(1, min(jobs, most)))
        try:
            yield engine
        finally:
            engine.close()


def check(order: Order) -> ModelHandle:
    """Refuse what every film would fail of. Raises ConfigError, MediaError, WeightsMissing."""
    handle = order.wanted.handle()
    check_request(order.options, handle.variant, handle.few_steps)
    read_references(order.options, handle.variant)
    handle.check_device()
    return handle


@contextmanager
def recorded(order: Order, report: BatchReport) -> Iterator[tuple[Record, str]]:
    """The record of the output's folder, and the settings' hash. Raises LockHeld, OutputError,
    and what :func:`check` raises."""
    handle = check(order)
    settings = settings_of(order.options, fingerprint_of(handle))
    name = settings_hash(settings)
    with Record(order.output) as record:
        if record.unreadable:
            report(
                Note(
                    f"{record.unreadable} lines of the record cannot be read: what they told of "
                    "is made again.",
                    "warning",
                )
            )
        if not record.knows_settings(name):
            record.add_settings(settings, name)
        yield record, name


def carry_out(order: Order, start: Start, report: BatchReport) -> BatchResult:
    """Dub every film that is not done. Films that fail are in the result.

    Raises ConfigError where there is nothing to be dubbed or the choices do not suit the model,
    LockHeld where another batch works in the folder, StorageError where the disk is full,
    WeightsMissing, WeightsRefused and DeviceError where the model does not load.
    """
    began = perf_counter()
    with recorded(order, report) as (record, settings):
        films = _films(order, record)
        entries = Agenda(record, settings, order.policy).entries(films, notes_of(report))
        rows = {e.film.path: e.report for e in entries}
        to_do = sum(e.report.state == TO_DO for e in entries)
        if renamed := sum(e.report.state == BEFORE and bool(e.report.why) for e in entries):
            report(Note(f"Films with other names than when they were made: {renamed}. {KEPT}"))
        notes: list[str] = []
        try:
            if to_do:
                with start(order, to_do, report) as engine, witness(order, record) as seen:
                    batch = Batch(
                        engine, record, settings, order.options, order.policy, report, seen, rows
                    )
                    batch.run(Listed(entries))
                    notes += engine.notes()
        finally:
            result = _result(rows, films, order, settings, began, notes)
            write_report(order, result)
    return result


def outlook(order: Order, report: BatchReport) -> BatchResult:
    """What :func:`carry_out` would do. Nothing is made; the record learns where films lie."""
    began = perf_counter()
    with recorded(order, report) as (record, settings):
        films = _films(order, record)
        entries = Agenda(record, settings, order.policy).entries(films, notes_of(report))
        rows = {e.film.path: e.report for e in entries}
        return _result(rows, films, order, settings, began, [])


def write_report(order: Order, result: BatchResult) -> None:
    """The result as JSON, where that was asked for. Raises StorageError."""
    if order.report_file is not None:
        write_json(order.report_file, result.to_dict())


@contextmanager
def witness(order: Order, record: Record) -> Iterator[Path | None]:
    """A file that workers on other machines must see, with a name that nobody else has."""
    if not order.shared:
        yield None
        return
    path = record.folder / f"seen-{secrets.token_hex(8)}"
    path.touch()
    try:
        yield path
    finally:
        path.unlink(missing_ok=True)


def _films(order: Order, record: Record) -> list[Film]:
    return find_films(order.sources, order.choice, order.output, record.outputs())


def notes_of(report: BatchReport) -> Callable[[Event], None]:
    """A report of single work, of which a batch hears the notes alone."""

    def tell(event: Event) -> None:
        if isinstance(event, Note):
            report(event)

    return tell


def _result(
    rows: Mapping[Path, FilmReport],
    films: Iterable[Film],
    order: Order,
    settings: str,
    began: float,
    notes: list[str],
) -> BatchResult:
    return BatchResult(
        tuple(rows[film.path] for film in films),
        order.output,
        settings,
        perf_counter() - began,
        tuple(notes),
    )
