"""What is to be done with each film, held against the record: nothing, or why something."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from vtacli.batch.content import content_of
from vtacli.batch.naming import Names, in_order
from vtacli.batch.record import Done, Failure, Record, identity_of
from vtacli.batch.result import BEFORE, FAILED, FAILED_BEFORE, TO_DO, FilmReport
from vtacli.batch.values import Film, Stamp
from vtacli.errors import MediaError, OutputError
from vtacli.progress import Report, ignore

NEW, RETRIED, CHANGED = "new", "failed before", "other settings or another film"
MISSING, REMADE = "its output is missing or altered", "asked to be made again"


@dataclass(frozen=True)
class Policy:
    """How a batch goes about its films. ``retry``: how many more times a film is tried that
    failed; ``limit_s``: the time given to a film, ``stall_s``: how long it may be silent while it
    does not wait for the model; None: no end. ``verify``: read outputs that are there, instead of
    trusting their size and time. ``remake``: what is done counts as not done."""

    retry: int = 0
    fail_fast: bool = False
    overwrite: bool = False
    remake: bool = False
    verify: bool = False
    limit_s: float | None = None
    stall_s: float | None = 1800.0


@dataclass(frozen=True)
class Entry:
    """A film on the agenda. ``tries``: how often it may be tried now."""

    film: Film
    report: FilmReport
    content: str | None = None
    tries: int = 1

    @property
    def output(self) -> Path:
        assert self.report.output is not None
        return self.report.output


class Agenda:
    """Decides for films as they come, once each."""

    def __init__(self, record: Record, settings: str, policy: Policy) -> None:
        self._record = record
        self._settings = settings
        self._policy = policy
        self._names = Names(record.output)
        self._claimed: set[str] = set()

    def entries(self, films: list[Film], report: Report = ignore) -> list[Entry]:
        """An entry for each film, in the order given. Films are read only where one of the same
        size is on record, and not if they lie unchanged where they lay."""
        for film in films:
            self._names.spare(film.path)
        contents = {film.path: self._content(film, report) for film in films}
        matched = self._match(films, contents)
        for done in matched.values():
            self._names.take(self._record.output / done.output, self._film_of(done, matched))
        self._reserve()
        made = {f.path: self._entry(f, contents[f.path], matched) for f in in_order(films)}
        return [made[film.path] for film in films]

    def _content(self, film: Film, report: Report) -> str | None:
        try:
            stamp = Stamp.of(film.path)
            known = self._record.known_content(film.path, stamp)
            if known is None and self._record.knows_size(stamp.size):
                known = content_of(film.path, report)
                self._record.add_seen(film.path, known, stamp)
        except (OSError, MediaError):  # its own attempt will say so
            return None
        return known

    def _match(self, films: list[Film], contents: dict[Path, str | None]) -> dict[Path, Done]:
        """Which output on record is whose: a film's own by its path first, then that of a film
        with the same content that has another name now."""
        found: dict[Path, Done] = {}
        for exact in (True, False):
            for film in films:
                content = contents[film.path]
                if content is None or film.path in found:
                    continue
                for done in self._record.done_with(content, self._settings):
                    mine = done.film == str(film.path)
                    if done.output not in self._claimed and mine >= exact:
                        self._claimed.add(done.output)
                        found[film.path] = done
                        break
        return found

    def _film_of(self, done: Done, matched: dict[Path, Done]) -> Path:
        return next(path for path, other in matched.items() if other is done)

    def _reserve(self) -> None:
        """Outputs that are there keep their names for the films that they were made of."""
        for done in self._record.every_done():
            path = self._record.output / done.output
            if done.output not in self._claimed and path.exists():
                self._names.take(path, Path(done.film))

    def _entry(self, film: Film, content: str | None, matched: dict[Path, Done]) -> Entry:
        done = matched.get(film.path)
        if done is None:
            return self._undone(film, content)
        output = self._record.output / done.output
        if self._policy.remake:
            return self._to_do(film, output, REMADE, content)
        if not self._record.is_whole(done, read=self._policy.verify):
            return self._to_do(film, output, MISSING, content)
        old = "" if done.film == str(film.path) else f"made when it was called {done.film}"
        report = FilmReport(film, output, BEFORE, old, seed=done.seed, sha256=done.sha256)
        return Entry(film, report, content)

    def _undone(self, film: Film, content: str | None) -> Entry:
        output = self._names.of(film)
        failure = self._failure(film, content)
        if failure is not None:
            more_time = failure.limit_s != self._policy.limit_s and failure.limit_s is not None
            if failure.final and not self._policy.retry and not more_time:
                report = FilmReport(
                    film, output, FAILED_BEFORE, code=failure.code, text=failure.text
                )
                return Entry(film, report, content)
            tries = self._policy.retry + (not failure.final or more_time)
            return replace(self._to_do(film, output, RETRIED, content), tries=tries)
        why = CHANGED if self._record.owns(output) else NEW
        return self._to_do(film, output, why, content)

    def _failure(self, film: Film, content: str | None) -> Failure | None:
        """How it failed before: by its content, or, of one that was never read to its end, by its
        name and stamp."""
        try:
            stamp = Stamp.of(film.path)
        except OSError:
            return None
        for known in (content, None):
            identity = identity_of(film.path, known, stamp)
            if failure := self._record.failure_of(identity, self._settings):
                return failure
        return None

    def _to_do(self, film: Film, output: Path, why: str, content: str | None) -> Entry:
        report = FilmReport(film, output, TO_DO, why)
        if output.exists() and not (self._policy.overwrite or self._record.owns(output)):
            error = OutputError(
                "The output exists, and no batch made it.",
                path=output,
                hint="Choose another folder, or pass --overwrite.",
            )
            report = replace(report, state=FAILED, code=error.exit_code, text=str(error))
        return Entry(film, report, content, 1 + self._policy.retry)
