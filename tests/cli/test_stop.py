"""Ctrl-C and SIGTERM at any moment: the right code, one sentence, nothing left."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from commands import FAKE, environment

from vtacli.media.probe import probe

MOMENTS = 10


def start(film: Path, folder: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*FAKE, "generate", str(film), "-o", str(folder / "out.mp4"), *more],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def members(group: int) -> list[str]:
    """Processes of a session that are still there, from /proc."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[3] == str(group) and fields[0] != "Z":
            found.append(stat.parent.name)
    return found


@pytest.fixture(scope="module")
def whole_run_s(long_film, tmp_path_factory) -> float:
    began = time.monotonic()
    child = start(long_film, tmp_path_factory.mktemp("whole"))
    assert child.wait(timeout=240) == 0
    return time.monotonic() - began


@pytest.mark.parametrize("moment", range(MOMENTS))
def test_stopping_at_any_moment_leaves_nothing(moment, long_film, whole_run_s, tmp_path):
    film = Path(shutil.copy(long_film, tmp_path / "in.mp4"))
    rng = random.Random(moment)
    number = rng.choice([signal.SIGINT, signal.SIGTERM])
    # the first tenths of a second are Python's own start, before which nothing is ours to keep
    wait_s = 0.15 + (moment + rng.random()) / MOMENTS * whole_run_s
    child = start(film, tmp_path)
    time.sleep(wait_s)
    child.send_signal(number)
    _, err = child.communicate(timeout=120)
    names = sorted(p.name for p in tmp_path.iterdir())
    assert names in (["in.mp4"], ["in.mp4", "out.mp4"])
    if len(names) == 2:  # it had its name already, and so it is whole
        assert probe(tmp_path / "out.mp4").duration_s == probe(film).duration_s
    else:
        assert child.returncode in (128 + number, -number), err
    assert "Traceback" not in err or child.returncode == -number
    assert not members(child.pid)


def test_a_stop_is_one_sentence_and_a_second_one_changes_nothing(long_film, tmp_path):
    child = start(long_film, tmp_path, "--model", "fake-slow", "--progress", "json")
    for line in child.stderr:
        if '"generate"' in line:
            break
    os.kill(child.pid, signal.SIGINT)
    os.kill(child.pid, signal.SIGTERM)
    rest = child.stderr.read().splitlines()
    child.wait(timeout=120)
    assert child.returncode in (130, 143)
    assert '"Stopped; nothing half-written is left."' in rest[-1]
    assert not list(tmp_path.iterdir())


def test_a_stopped_run_leaves_an_older_output_alone(long_film, tmp_path):
    (tmp_path / "out.mp4").write_text("mine")
    child = start(long_film, tmp_path, "--model", "fake-slow", "--progress", "json", "--overwrite")
    for line in child.stderr:
        if '"generate"' in line:
            break
    child.send_signal(signal.SIGINT)
    child.communicate(timeout=120)
    assert (tmp_path / "out.mp4").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_second_stop_while_the_interpreter_ends_changes_nothing():
    # What a module holds is taken down after the interpreter has given up its signal handlers.
    program = """
import os, signal, sys
from vtacli.cli.stop import Stopped, StopSignals

class Late:
    def __del__(self, kill=os.kill, pid=os.getpid(), number=signal.SIGTERM):
        kill(pid, number)

late = Late()
try:
    with StopSignals() as signals:
        os.kill(os.getpid(), signal.SIGINT)
except Stopped:
    sys.exit(signals.exit_code)
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 130
