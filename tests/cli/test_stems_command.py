"""``vta stems`` as a person meets it: another process, its answers, its refusals, its end."""

from __future__ import annotations

import os
import signal
import subprocess

import pytest
import soundfile
from commands import FAKE, environment, vta


def test_help_teaches_by_examples():
    said = vta("stems", "--help")
    assert said.code == 0
    assert said.out.count("vta stems ") >= 5
    for word in ("--prompt", "--per-scene", "--tc-start", "--seconds", "hits apart from beds"):
        assert word in " ".join(said.out.split())
    assert "stems" in vta("--help").out


def test_a_set_for_a_person_and_for_a_program(sounding_film, tmp_path):
    folder = tmp_path / "stems"
    common = [sounding_film, "--prompt", "rain", "--prompt", "steps", "-o", folder, "--seed", "5"]
    said = vta("stems", *common, program=FAKE)
    assert said.code == 0, said.err
    names = sorted(p.name for p in folder.iterdir())
    assert names == ["sounding_00_mix.wav", "sounding_01_rain.wav", "sounding_02_steps.wav"]
    assert all(name in said.out for name in names)
    assert "\x1b" not in said.out + said.err
    assert "bandwidth 8 kHz" in said.out
    again = vta("stems", *common, "--overwrite", "--json", "-q", program=FAKE)
    assert again.code == 0
    assert again.err == ""
    answer = again.answer
    assert answer["seed"] == 5
    assert answer["samples"] == 144_144
    assert {f["file"] for f in answer["files"]} == set(names)
    assert {f["samples"] for f in answer["files"]} == {144_144}
    assert [s["prompt"] for s in answer["stems"]] == ["rain", "steps"]
    assert answer["provenance"]["bandwidth_hz"] == 8000
    assert answer["provenance"]["options"]["generate"]["seed"] == 5
    assert answer["files"][0]["loudness"]["true_peak_dbtp"] < -0.9
    assert soundfile.info(folder / names[0]).subtype == "PCM_24"


def test_words_alone(tmp_path):
    folder = tmp_path / "rain"
    said = vta("stems", "--prompt", "rain", "--seconds", "2.5", "-o", folder, "--format", "flac",
               "--bits", "16", program=FAKE)  # fmt: skip
    assert said.code == 0, said.err
    (file,) = folder.iterdir()
    info = soundfile.info(file)
    assert (info.frames, info.format, info.subtype) == (120_000, "FLAC", "PCM_16")


def test_a_dry_run_writes_nothing_and_is_true(silent_film, tmp_path):
    cuts = tmp_path / "cuts.csv"
    cuts.write_text("0.5\n1.2\n")
    common = ["stems", silent_film, "--per-scene", "-o", tmp_path / "s", "--scenes", cuts, "--json"]
    dry = vta(*common, "--dry-run", program=FAKE)
    assert dry.code == 0, dry.err
    assert list(tmp_path.iterdir()) == [cuts]
    assert len(dry.answer["files"]) == 3
    wet = vta(*common, program=FAKE)
    assert dry.answer["files"] == [f["file"] for f in wet.answer["files"]]
    assert sorted(dry.answer["files"]) == sorted(p.name for p in (tmp_path / "s").iterdir())
    person = vta(*common[:-1], "--dry-run", program=FAKE, cwd=tmp_path)
    assert person.code == 4  # they are there now


@pytest.mark.parametrize(
    ("asked", "code", "words"),
    [
        (["FILM", "--prompt", "a", "--prompt", "a"], 2, "twice"),
        (["FILM", "--prompt", "a", "--name", "{titel}"], 2, "Did you mean {title}?"),
        (["FILM", "--prompt", "a", "--name", "../{title}"], 2, "-o"),
        (["FILM", "--prompt", "a", "--format", "flac", "--bits", "32f"], 2, "--bits 16 or 24"),
        (["FILM", "--prompt", "a", "--format", "mp3", "--bits", "16"], 2, "Leave it out"),
        (["FILM", "--prompt", "a", "--format", "opus", "--rate", "44100"], 2, "48000"),
        (["FILM", "--prompt", "a", "--tc-start", "01:00:00;00"], 2, "01:00:00:00"),
        (["FILM", "--prompt", "a", "--width", "2"], 2, "between 0 and 1"),
        (["FILM", "--prompt", "a", "--seconds", "3"], 2, "Leave out --seconds"),
        (["--prompt", "a"], 2, "--seconds"),
        (["--seconds", "3"], 2, "--prompt"),
        (["no-such.mp4", "--prompt", "a"], 3, "no such file"),
        (["FILM", "--prompt", "a", "-o", "FILM"], 4, "no folder"),
        (["FILM", "--prompt", "a", "--model", "none"], 5, "none"),
    ],
)
def test_refusals(silent_film, tmp_path, asked, code, words):
    asked = [str(silent_film) if a == "FILM" else a for a in asked]
    where = [] if "-o" in asked else ["-o", str(tmp_path / "s")]
    said = vta("stems", *asked, *where, program=FAKE)
    assert said.code == code, said.err
    assert words in said.err
    assert said.err.startswith("vta: ")
    assert len(said.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stage", ["decode", "generate", "write"])
def test_a_stop_leaves_nothing(long_film, tmp_path, stage):
    folder = tmp_path / "s"
    slow = ["--model", "fake-slow"] if stage == "generate" else []
    arguments = ["stems", long_film, "--prompt", "rain", "--prompt", "wind", "-o", folder, *slow]
    child = subprocess.Popen(
        [*FAKE, *map(str, arguments), "--progress", "json"],
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    for line in child.stderr:
        if f'"{stage}"' in line:
            break
    os.kill(child.pid, signal.SIGINT)
    _, err = child.communicate(timeout=120)
    names = sorted(p.name for p in folder.iterdir()) if folder.exists() else []
    if child.returncode == 0:  # the files had their names already, and so the set is whole
        assert stage == "write"
        assert names == ["long_00_mix.wav", "long_01_rain.wav", "long_02_wind.wav"]
    else:
        assert child.returncode == 130, err
        assert "nothing half-written is left" in err
        assert not list(tmp_path.iterdir())
