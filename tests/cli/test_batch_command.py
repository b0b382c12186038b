"""Thirty films with five bad ones, as a person runs them: once, again, and after every accident."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import FAKE, REAL, environment, vta
from many_films import bad_films, good_films, hashes, leftovers

MODEL = ["--model", "fake", "--device", "cpu"]
TWO = ["--jobs", "2"]  # a process takes a second to start


def batch(*arguments, program=FAKE, model=MODEL, **env):
    jobs = [] if "--jobs" in arguments else TWO
    return vta("batch", *arguments, *model, *jobs, program=program, **env)


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    folder = tmp_path_factory.mktemp("films")
    good = good_films(folder, 25)
    bad_films(folder, good[0])
    return folder


@pytest.fixture(scope="module")
def first(films, tmp_path_factory):
    """The whole batch, once: what was said, and the folder."""
    out = tmp_path_factory.mktemp("out") / "dubbed"
    return batch(films, "-o", out, "--report", out.parent / "report.json"), out


@pytest.fixture
def some(films, tmp_path):
    """Four films of one's own."""
    folder = tmp_path / "films"
    folder.mkdir()
    for n in range(4):
        shutil.copy(films / f"film-{n:02}.mp4", folder)
    return folder


def test_twenty_five_are_made_and_the_five_are_named(films, first):
    said, out = first
    assert said.code == 9, said.err
    assert list(hashes(out)) == [f"film-{n:02}.mp4" for n in range(25)]
    table = [line.split()[0] for line in said.out.splitlines() if " failed " in line]
    assert table == [f"bad-{n}.mp4" for n in ("cut", "empty", "sound", "text", "zeros")]
    assert "30 films: 25 made, 5 failed" in said.out
    assert "5 of 30 films failed" in said.err
    report = json.loads((out.parent / "report.json").read_text())
    assert report["counts"]["made"] == 25
    codes = {Path(f["film"]).name: f["code"] for f in report["films"] if f["code"]}
    assert codes == dict.fromkeys(table, 3)
    assert all(f["error"] for f in report["films"] if f["code"])
    assert not leftovers(out)


def test_again_does_nothing_and_says_so(films, first):
    _, out = first
    before = {p: p.stat().st_mtime_ns for p in out.glob("*.mp4")}
    said = batch(films, "-o", out, "--json")
    assert said.code == 9
    assert said.answer["summary"] == "30 films: 25 done before, 5 failed before, 0 to do"
    assert {p: p.stat().st_mtime_ns for p in out.glob("*.mp4")} == before


def test_each_film_is_what_generate_makes_of_it(films, first, tmp_path):
    _, out = first
    report = json.loads((out.parent / "report.json").read_text())
    seeds = {Path(f["film"]).name: f["seed"] for f in report["films"] if f["state"] == "made"}
    assert len(set(seeds.values())) == 25
    for name in ("film-03.mp4", "film-10.mp4"):
        one = tmp_path / name
        made = vta("generate", films / name, "-o", one, "--seed", seeds[name], *MODEL, program=FAKE)
        assert made.code == 0, made.err
        assert one.read_bytes() == (out / name).read_bytes()


def test_it_goes_by_content_and_settings(some, tmp_path):
    out = tmp_path / "out"
    assert batch(some, "-o", out).code == 0
    old = hashes(out)
    (some / "film-00.mp4").rename(some / "zero.mp4")
    (out / "film-01.mp4").unlink()
    with (out / "film-02.mp4").open("r+b") as file:
        file.seek(1000)
        file.write(b"altered")
    planned = batch(some, "-o", out, "--dry-run", "--json").answer
    assert planned["counts"]["to_do"] == 2
    again = batch(some, "-o", out, "--json")
    assert again.code == 0
    assert again.answer["summary"] == "4 films: 2 done before, 2 made"
    assert hashes(out) == old
    other = batch(some, "-o", out, "--prompt", "rain", "--json")
    assert other.answer["counts"]["made"] == 4
    now = hashes(out)
    assert {name for name in old if now.get(name) == old[name]} == {"film-00.mp4"}
    assert set(now) == {*old, "zero.mp4"}


@pytest.mark.slow
def test_folders_are_mirrored_and_names_never_meet(some, tmp_path):
    out = tmp_path / "out"
    (some / "sub").mkdir()
    shutil.copy(some / "film-00.mp4", some / "sub")
    (some / "film-01.mp4").rename(some / "film-00.mov")
    shutil.copy(some / "film-02.mp4", some / "film-00.ts")
    listed = tmp_path / "list.txt"
    listed.write_text("films/film-03.mp4\n")
    said = batch(some, listed, "-r", "--exclude", "film-02*", "-o", out)
    assert said.code == 0, said.err
    assert sorted(hashes(out)) == [
        "film-00.mkv",
        "film-00.mov",
        "film-00.mp4",
        "film-03.mp4",
        "sub/film-00.mp4",
    ]


@pytest.mark.slow
def test_the_output_may_be_the_input_folder(some):
    for made in (4, 0):
        said = batch(some, "-o", some, "--json")
        assert said.code == 0, said.err
        assert said.answer["counts"]["made"] == made
        assert len(said.answer["films"]) == 4
    assert (some / "film-00.dubbed.mp4").is_file()


def test_what_nobody_can_do_is_refused_before_anything_is_done(some, tmp_path):
    out = tmp_path / "out"
    deaf = batch(some, "-o", out, "--prompt", "rain", model=["--model", "fake-deaf"])
    assert deaf.code == 2
    assert "takes no text" in deaf.err
    assert batch(some, "-o", out, "--include", "*.gif").code == 2
    (tmp_path / "file").touch()
    assert batch(some, "-o", tmp_path / "file").code == 4


@pytest.mark.slow
def test_a_foreign_file_is_kept_and_the_first_failure_stops_if_asked(some, tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "film-00.mp4").write_text("mine")
    said = batch(some, "-o", out, "--json")
    assert said.code == 9
    assert said.answer["counts"]["made"] == 3
    assert (out / "film-00.mp4").read_text() == "mine"
    bad = some / "film-00.mp4"
    bad.write_text("no film")
    fast = batch(some, "-o", tmp_path / "fast", "--fail-fast", "--jobs", "1", "--json")
    assert fast.code == 9
    assert fast.answer["counts"]["failed"] == 1
    assert fast.answer["counts"]["not_tried"] == 3


def start(some, out, *more):
    return subprocess.Popen(
        [*FAKE, "batch", str(some), "-o", str(out), *MODEL, "--progress", "json", *more],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def children_of(pid: int) -> list[int]:
    """Every process below this one, from /proc."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    found, new = [], [pid]
    while new:
        new = [child for child, parent in parents.items() if parent in new]
        found += new
    return found


def gone(pids, within_s=15.0) -> bool:
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize(
    "moment", [0, *(pytest.param(n, marks=pytest.mark.slow) for n in range(1, 10))]
)
def test_killed_at_any_moment_it_goes_on_to_the_same_end(moment, films, first, tmp_path):
    _, whole = first
    some, out = tmp_path / "films", tmp_path / "out"
    some.mkdir()
    for n in range(8):
        shutil.copy(films / f"film-{n:02}.mp4", some)
    child = start(some, out)
    rng = random.Random(moment)
    wanted = rng.randrange(1, 7)
    ended = 0
    for line in child.stderr:
        ended += '"event": "ended"' in line
        if ended == wanted:
            break
    time.sleep(rng.random() * 0.3)
    below = children_of(child.pid)
    child.send_signal(signal.SIGKILL)
    child.communicate(timeout=60)
    assert gone(below)
    again = batch(some, "-o", out, "--json")
    assert again.code == 0, again.err
    assert again.answer["counts"]["done_before"] >= wanted
    assert hashes(out) == {k: v for k, v in hashes(whole).items() if k in hashes(out)}
    assert len(hashes(out)) == 8
    assert not leftovers(out)


def test_ctrl_c_leaves_nothing_half_and_the_rest_for_later(some, tmp_path):
    out = tmp_path / "out"
    child = start(some, out, "--jobs", "1", "--report", str(tmp_path / "report.json"))
    for line in child.stderr:
        if '"event": "ended"' in line:
            break
    below = children_of(child.pid)
    assert below
    child.send_signal(signal.SIGINT)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130
    assert "Stopped; nothing half-written is left." in err
    assert gone(below)
    assert not leftovers(out)
    stopped = json.loads((tmp_path / "report.json").read_text())["counts"]
    assert stopped["made"] + stopped["to_do"] == 4
    again = batch(some, "-o", out, "--json").answer["counts"]
    assert again["done_before"] == stopped["made"]
    assert again["made"] == stopped["to_do"]


def test_a_worker_that_is_killed_costs_no_film(some, tmp_path):
    out = tmp_path / "out"
    child = start(some, out, "--jobs", "2")
    for line in child.stderr:
        if '"event": "step"' in line:
            break
    for worker in children_of(child.pid):
        os.kill(worker, signal.SIGKILL)
    _, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    assert len(hashes(out)) == 4
    assert "is lost (signal 9)" in err


@pytest.mark.slow
def test_a_film_that_takes_too_long_is_given_up(some, tmp_path):
    slow = ["--model", "fake-slow", "--device", "cpu"]
    said = batch(some, "-o", tmp_path / "out", "--time-limit", "0.5", "--json", model=slow)
    assert said.code == 9
    assert {f["state"] for f in said.answer["films"]} == {"failed"}
    assert "not done within 0.5 s" in said.answer["films"][0]["error"]
    patient = batch(some, "-o", tmp_path / "out", "--json")
    assert patient.answer["counts"]["made"] == 4


def test_the_shipped_model_gives_what_it_gives_alone(tmp_path):
    folder, out = tmp_path / "films", tmp_path / "out"
    good_films(folder, 2, seconds=1.0)
    said = batch(folder, "-o", out, "--seed", "5", "--steps", "2", program=REAL, model=[])
    assert said.code == 0, said.err
    one = folder / "film-01.mp4"
    alone = vta("generate", one, "-o", tmp_path / "one.mp4", "--seed", "5", "--steps", "2")
    assert alone.code == 0, alone.err
    assert (tmp_path / "one.mp4").read_bytes() == (out / "film-01.mp4").read_bytes()
