"""A session is killed at random moments, and in the end all is as if nothing had happened."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
from pathlib import Path

import pytest
from commands import FAKE, REAL, environment, vta
from many_scenes import SCENES, files_under, shared_twenty, twenty_scenes
from test_session import hash_of

from vtacli.session.session import Session

KILLS = 10
"""What was promised; the default run makes a start of it."""


def start(command, program) -> subprocess.Popen:
    return subprocess.Popen(
        [*program, *map(str, command)],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def killed_after(process: subprocess.Popen, seconds: float) -> bool:
    """Whether SIGKILL found it at work, so long after its first word."""
    assert process.stderr is not None
    process.stderr.readline()  # it is past its imports
    time.sleep(seconds)
    process.send_signal(signal.SIGKILL)
    process.stderr.close()
    return process.wait() == -signal.SIGKILL


def whole_or_absent(output: Path, expected: str) -> bool:
    return not output.exists() or hash_of(output) == expected


@pytest.mark.parametrize("kills", [2, pytest.param(KILLS, marks=pytest.mark.slow)])
def test_killed_again_and_again_it_ends_as_if_it_never_was(tmp_path_factory, tmp_path, kills):
    film, cuts = shared_twenty(tmp_path_factory)
    for name in ("calm", "killed"):
        (tmp_path / name).mkdir()

    def command(folder):
        said = ["generate", film, "-o", tmp_path / folder / "out.mkv", "--session", "--seed", 4]
        return [*said, "--scenes", cuts, "--model", "fake-steady", "--takes", 2]

    process = start(command("calm"), FAKE)
    process.stderr.readline()
    began = time.monotonic()
    process.stderr.read()
    assert process.wait() == 0
    lasts_s = time.monotonic() - began
    expected = hash_of(tmp_path / "calm" / "out.mkv")

    chance = random.Random(5)
    output, found, kept = tmp_path / "killed" / "out.mkv", 0, [0]
    for number in range(kills):
        # later runs find more done, and are over sooner
        share = chance.uniform(0.02, 0.5 if number < kills // 2 else 0.3)
        found += killed_after(start(command("killed"), FAKE), share * lasts_s)
        assert whole_or_absent(output, expected)
        session = output.with_name("out.vta")
        if (session / "journal.jsonl").exists():
            with Session.open(session) as opened:  # whatever was torn, it can be read
                kept.append(sum(len(s.takes) for s in opened.state.scenes))
    assert found >= kills // 2
    assert kept == sorted(kept)  # what was made once stays
    said = vta(*command("killed"), "--json", program=FAKE)
    assert said.code == 0, said.err
    assert hash_of(output) == expected == said.answer["sha256"]
    assert files_under(tmp_path / "killed") == files_under(tmp_path / "calm")
    with Session.open(output.with_name("out.vta")) as opened:
        assert [len(s.takes) for s in opened.state.scenes] == [2] * SCENES
    named = json.loads((output.with_name("out.vta") / "state.json").read_text())
    assert named["scenes"][0]["chosen"] == 1


@pytest.mark.slow
def test_the_real_model_killed_ten_times(tmp_path):
    film, cuts = twenty_scenes(tmp_path)
    for name in ("calm", "killed"):
        (tmp_path / name).mkdir()

    def command(folder):
        said = ["generate", film, "-o", tmp_path / folder / "out.mkv", "--session", "--seed", 4]
        return [*said, "--scenes", cuts, "--quality", "draft"]

    began = time.monotonic()
    assert vta(*command("calm"), program=REAL).code == 0
    lasts_s = time.monotonic() - began
    expected = hash_of(tmp_path / "calm" / "out.mkv")
    chance, found = random.Random(6), 0
    output = tmp_path / "killed" / "out.mkv"
    for _ in range(KILLS):
        found += killed_after(start(command("killed"), REAL), chance.uniform(0, 0.35) * lasts_s)
        assert whole_or_absent(output, expected)
    assert found >= KILLS // 2
    assert vta(*command("killed"), program=REAL).code == 0
    assert hash_of(output) == expected
    assert files_under(tmp_path / "killed") == files_under(tmp_path / "calm")
