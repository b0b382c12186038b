"""``vta data`` as a person runs it: other processes, real kills, answers and exit codes."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest
from clips_to_learn import bytes_of, some_films
from commands import REAL, environment, vta
from media_factory import film
from tiny_encoders import tiny_imagebind

from vtacli.cli.main import main

PREPARE = ("--random-weights", "1", "--encoder", "mini", "--progress", "none")


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return some_films(tmp_path_factory.mktemp("learn") / "films")


def test_from_films_to_what_training_reads(films: Path, tmp_path: Path) -> None:
    made = vta(
        "data", "prepare", films, "-o", "out", *PREPARE, "--workers", 0, "--json", cwd=tmp_path
    )
    assert made.code == 9, made.err
    assert (made.answer["clips"], made.answer["failed"], made.answer["windows"]) == (8, 3, 7)
    assert "3 of 8 clips were left out" in made.err


def test_lists_are_split_and_shown(films: Path, tmp_path: Path) -> None:
    split = vta(
        "data",
        "split",
        films,
        "-o",
        "lists",
        "--train",
        0.5,
        "--validation",
        0.3,
        "--json",
        cwd=tmp_path,
    )
    assert split.code == 0, split.err
    assert sum(row["clips"] for row in split.answer.values()) == 8
    assert (tmp_path / "lists" / "valid.jsonl").is_file()
    again = vta("data", "split", films, "-o", "lists", cwd=tmp_path)
    assert again.code == 4
    none = vta("data", "show", "nowhere.jsonl", cwd=tmp_path)
    assert none.code == 2
    assert "nowhere.jsonl" in none.err


@pytest.mark.slow
def test_kills_of_a_crew_and_any_number_of_processes_give_the_same_bytes(
    films: Path, tmp_path: Path
) -> None:
    """The parent and its children are killed at many moments; nothing is left running."""
    whole = vta("data", "prepare", films, "-o", "whole", *PREPARE, "--workers", 0, cwd=tmp_path)
    assert whole.code == 9, whole.err
    command = [*REAL, "data", "prepare", films, "-o", "out", *PREPARE, "--workers", "2"]
    kills = 0
    for number, wait_s in enumerate((3, 6, 8, 9, 10, 11, 12)):
        run = subprocess.Popen(
            [*map(str, command)],
            cwd=tmp_path,
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(wait_s)
        children = _children(run.pid)
        if number % 2 and children:  # a child alone: the parent must go on
            os.kill(children[-1], signal.SIGKILL)
            time.sleep(0.5)
        kills += run.poll() is None
        run.kill()
        run.wait()
        deadline = time.monotonic() + 60
        while any(_alive(child) for child in children):
            assert time.monotonic() < deadline, "children outlive their parent"
            time.sleep(0.2)
    assert kills >= 3
    last = vta("data", "prepare", films, "-o", "out", *PREPARE, "--workers", 2, cwd=tmp_path)
    assert last.code == 9, last.err
    assert bytes_of(tmp_path / "out") == bytes_of(tmp_path / "whole")


@pytest.mark.slow
def test_a_trial_of_cleaning_and_a_list_that_prepares(films: Path, tmp_path: Path) -> None:
    trial = vta(
        "data",
        "clean",
        films,
        "--page",
        "p.html",
        "--scores",
        "s.jsonl",
        "--json",
        "--workers",
        0,
        cwd=tmp_path,
    )
    assert trial.code == 9, trial.err
    assert trial.answer["output"] is None
    assert trial.answer["failed"] == 3
    assert "<svg" in (tmp_path / "p.html").read_text()
    lines = [json.loads(line) for line in (tmp_path / "s.jsonl").read_text().splitlines()]
    assert len(lines) == 8
    kept = vta(
        "data",
        "clean",
        films,
        "-o",
        "kept.jsonl",
        "--scores",
        "s.jsonl",
        "--peak",
        -30,
        cwd=tmp_path,
    )
    assert kept.code == 9, kept.err
    made = vta("data", "prepare", "kept.jsonl", "-o", "out", *PREPARE, "--workers", 0, cwd=tmp_path)
    assert made.code == 0, made.err
    checked = vta("data", "check", "out", cwd=tmp_path)
    assert checked.code == 0
    assert "ok  7 windows" in checked.out


@pytest.mark.slow
def test_cleaning_by_networks_on_a_shelf(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In this process: what it imports is imported once."""
    monkeypatch.chdir(tmp_path)
    Path("films").mkdir()
    for seconds in (2, 5):
        film(Path("films") / f"{seconds}.mp4", seconds, "10", "64x48", sound=True)

    def clean(*more: object) -> tuple[int, str, str]:
        command = ("data", "clean", "films", "--version", "none", "--progress", "none", *more)
        code = main([str(c) for c in command])
        return code, *capsys.readouterr()

    code, _, err = clean("--workers", 0, "--clap", 0.1)
    assert code == 5
    assert "laion/clap-htsat-unfused" in err
    assert "imagebind, clap: weights on no shelf" in clean("--workers", 0)[1]

    weights = tiny_imagebind(Path("shelf")) / "imagebind_huge.pth"
    shelf = ("--weights-dir", "shelf")
    limits = ("--imagebind", 1, "-o", "kept.jsonl", "--page", "page.html", "--json")
    code, out, err = clean(*shelf, "--workers", 2, *limits)
    assert code == 0, err
    answer = json.loads(out)
    assert (answer["clips"], answer["kept"], answer["dropped"]) == (2, 0, {"imagebind": 2})
    assert list(answer["not_scored"]) == ["clap"]
    assert answer["percentiles"]["imagebind"] is not None
    rows = [json.loads(line) for line in Path("kept.scores.jsonl").read_text().splitlines()]
    assert all(-1 <= row["imagebind"] < 1 for row in rows)
    assert "CC-BY-NC-SA-4.0" in Path("page.html").read_text()
    assert "imagebind, non-commercial" in clean(*shelf, "--workers", 0)[1]

    weights.write_bytes(b"no weights")
    assert clean(*shelf, "--workers", 2)[0] == clean(*shelf, "--workers", 0)[0] == 6
    weights.unlink()
    assert clean(*shelf, "--workers", 0)[0] == 5
    assert clean(*shelf, "--workers", 0, "--networks", "none")[0] == 0


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(p) for p in tasks.read_text().split()] if tasks.is_file() else []


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
