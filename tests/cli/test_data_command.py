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


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(p) for p in tasks.read_text().split()] if tasks.is_file() else []


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
