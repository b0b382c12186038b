"""What becomes of a batch when films, workers and disks misbehave: an engine that is told how."""

from __future__ import annotations

from pathlib import Path

import pytest

from vtacli.batch.agenda import Agenda, Policy
from vtacli.batch.content import content_of
from vtacli.batch.record import Record
from vtacli.batch.result import FAILED, MADE, NOT_TRIED, BatchResult
from vtacli.batch.running import LOSSES, Batch, Listed
from vtacli.batch.values import Failed, Film, Lost, Made, Stamp, Waiting
from vtacli.errors import StorageError
from vtacli.options import GenerateOptions


class Scripted:
    """Does with each film what its name's script says, one word an attempt; the last one stays.

    ``made``, ``lost``, ``full`` (the disk is), ``hang``, ``wait`` (hangs, waiting for the model),
    or the exit code that it fails with.
    """

    def __init__(self, scripts, jobs=2):
        self.jobs = jobs
        self.scripts = scripts
        self.tried = []
        self.open = {}
        self.most = 0
        self.told = []

    def submit(self, task):
        name = task.film.stem
        script = self.scripts.get(name, ["made"])
        word = script[min(self.tried.count(name), len(script) - 1)]
        self.tried.append(name)
        self.open[task.number] = task
        self.most = max(self.most, len(self.open))
        content, source = content_of(task.film), Stamp.of(task.film)
        if word == "made":
            task.making.write_text(f"dubbed {name}")
            made = content_of(task.making)
            stamp = Stamp.of(task.making)
            self.end(Made(task.number, content, source, made, stamp, 1, 0.1, {}))
        elif word == "lost":
            self.end(Lost(task.number, "signal 9"))
        elif word == "wait":
            self.told.append(Waiting(task.number, True))
        elif word != "hang":
            code = 8 if word == "full" else int(word)
            self.end(Failed(task.number, code, "Something is wrong.", content, source))

    def end(self, outcome):
        self.told.append(outcome)

    def poll(self, timeout_s):
        told, self.told = self.told, []
        for outcome in told:
            if not isinstance(outcome, Waiting):
                self.open.pop(outcome.number, None)
        return told

    def cancel(self, number):
        if number in self.open:
            self.end(Lost(number, "signal 15"))

    def close(self):
        pass

    def notes(self):
        return []


@pytest.fixture
def films(tmp_path):
    folder = tmp_path / "films"
    folder.mkdir()
    for name in "abcdef":
        (folder / f"{name}.mp4").write_text(name)
    return [Film(p, Path(p.name)) for p in sorted(folder.iterdir())]


def ran(films, out, scripts, jobs=2, **policy):
    """The engine, and how each film came out: its state and code by name."""
    engine, said = Scripted(scripts, jobs), []
    with Record(out) as record:
        asked = Policy(**policy)
        entries = Agenda(record, "s", asked).entries(films)
        batch = Batch(engine, record, "s", GenerateOptions(), asked, said.append)
        try:
            batch.run(Listed(entries))
        finally:
            states = {p.stem: (r.state, r.code) for p, r in batch.rows.items()}
            engine.states = states
        rows = tuple(batch.rows[f.path] for f in films)
        engine.result = BatchResult(rows, out, "s", 1.0)
        assert not list((record.folder / "making").iterdir())
    return engine, states


def test_no_more_films_are_open_than_there_are_jobs(films, tmp_path):
    engine, states = ran(films, tmp_path / "out", {}, jobs=3)
    assert engine.most == 3
    assert set(states.values()) == {(MADE, 0)}
    assert engine.result.error() is None


def test_a_lost_worker_costs_a_film_nothing_until_it_is_the_films_doing(films, tmp_path):
    scripts = {"a": ["lost", "lost", "made"], "b": ["lost"]}
    engine, states = ran(films, tmp_path / "out", scripts)
    assert states["a"] == (MADE, 0)
    assert states["b"] == (FAILED, 12)
    assert engine.tried.count("b") == LOSSES


def test_retries_are_as_many_as_asked_and_come_after_the_others(films, tmp_path):
    scripts = {"a": ["3"], "b": ["12", "made"]}
    engine, states = ran(films, tmp_path / "out", scripts, jobs=1, retry=1)
    assert engine.tried == ["a", "b", "c", "d", "e", "f", "a", "b"]
    assert (states["a"], states["b"]) == ((FAILED, 3), (MADE, 0))
    again, _ = ran(films, tmp_path / "out", {})
    assert again.tried == []
    retried, states = ran(films, tmp_path / "out", {}, retry=1)
    assert retried.tried == ["a"]
    assert states["a"] == (MADE, 0)


def test_a_full_disk_stops_the_batch_with_one_sentence(films, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(StorageError, match="every further film would fail") as caught:
        ran(films, out, {"b": ["full"], "c": ["hang"]}, jobs=2)
    assert "1 films were made" in str(caught.value)
    engine, states = ran(films, out, {})
    assert engine.tried == ["b", "c", "d", "e", "f"]
    assert set(states.values()) == {(MADE, 0), ("done before", 0)}


def test_the_first_failure_stops_the_rest_if_asked(films, tmp_path):
    scripts = {"b": ["3"], "c": ["hang"]}
    engine, states = ran(films, tmp_path / "out", scripts, fail_fast=True)
    assert states["b"] == (FAILED, 3)
    assert states["c"] == states["f"] == (NOT_TRIED, 0)
    assert "f" not in engine.tried


def test_silence_is_not_endured_but_waiting_for_the_model_is(films, tmp_path):
    scripts = {"a": ["hang"], "b": ["wait"]}
    engine, states = ran(films, tmp_path / "out", scripts, stall_s=0.05, limit_s=1.0)
    assert states["a"] == states["b"] == (FAILED, 3)
    texts = {r.film.path.stem: r.text for r in engine.result.bad}
    assert "Nothing happened" in texts["a"]
    assert "not done within" in texts["b"]
    again, _ = ran(films, tmp_path / "out", {}, stall_s=0.05, limit_s=1.0)
    assert again.tried == []
    patient, _ = ran(films, tmp_path / "out", {}, limit_s=100.0)
    assert sorted(patient.tried) == ["a", "b"]


def test_an_output_that_came_up_meanwhile_is_not_written_over(films, tmp_path):
    out = tmp_path / "out"

    class Late(Scripted):
        def submit(self, task):
            (out / "a.mp4").write_text("mine")
            super().submit(task)

    engine = Late({}, 1)
    with Record(out) as record:
        entries = Agenda(record, "s", Policy()).entries(films[:1])
        batch = Batch(engine, record, "s", GenerateOptions(), Policy(), lambda e: None)
        batch.run(Listed(entries))
    assert batch.rows[films[0].path].code == 4
    assert (out / "a.mp4").read_text() == "mine"
