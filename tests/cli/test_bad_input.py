"""Every bad input: its documented code, one sentence, no traceback, no hang, no file changed."""

from __future__ import annotations

import os
import shutil
import subprocess
from hashlib import sha256
from pathlib import Path

import pytest
from commands import FAKE, Said, vta
from conftest import ffmpeg, film_of
from fakes import find

from vtacli.cli.main import main


def snapshot(folder: Path) -> dict[str, str]:
    """Everything below, by name, with what regular files hold."""
    return {
        str(p.relative_to(folder)): sha256(p.read_bytes()).hexdigest() if p.is_file() else "-"
        for p in sorted(folder.rglob("*"))
    }


def refused(code: int, folder: Path, *arguments: object, command: str = "generate", run=vta) -> str:
    """Its one sentence. ``run``: a process of its own, or :func:`here`."""
    before = snapshot(folder)
    said = run(command, *arguments, program=FAKE, cwd=folder)
    sentences = [line for line in said.err.splitlines() if line.startswith("vta: ")]
    assert said.code == code, said.err
    assert len(sentences) == 1, said.err
    assert said.out == ""
    assert "Traceback" not in said.err
    assert "\x1b" not in said.err
    assert snapshot(folder) == before
    return sentences[0]


@pytest.fixture
def here(capfd, monkeypatch):
    """The same funnel in this process: for choices, of which there are many."""

    def run(*arguments: object, program, cwd: Path) -> Said:
        monkeypatch.chdir(cwd)
        code = main([*map(str, arguments)], find_model=find)
        return Said(code, *capfd.readouterr())

    return run


@pytest.fixture
def good(silent_film, tmp_path):
    return Path(shutil.copy(silent_film, tmp_path / "good.mp4"))


def text(path):
    path.write_text("This is a text, whatever it is called.\n" * 50)


def empty(path):
    path.write_bytes(b"")


def truncated(path):
    film_of(path, seconds=4)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])


def sound_only(path):
    ffmpeg("-f", "lavfi", "-t", 1, "-i", "sine=440", "-c:a", "aac", path)


def no_frames(path):
    source = ["-f", "lavfi", "-t", 1, "-i", "testsrc2=s=64x64:r=25"]
    ffmpeg(*source, "-frames:v", 0, "-c:v", "libx264", path)


def folder(path):
    path.mkdir()


def fifo(path):
    os.mkfifo(path)


def ffconcat(path):
    path.write_text("ffconcat version 1.0\nfile good.mp4\nduration 2\n")


def hls(path):
    path.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:2,\nfile:good.mp4\n#EXT-X-ENDLIST\n")


def huge(path):
    source = ["-f", "lavfi", "-t", 0.2, "-i", "color=black:s=8192x8192:r=10"]
    ffmpeg(*source, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", path)
    assert path.stat().st_size < 200_000


def absent(path):
    pass


KINDS = [
    text,
    empty,
    truncated,
    sound_only,
    no_frames,
    folder,
    fifo,
    ffconcat,
    hls,
    huge,
    absent,
]


@pytest.mark.parametrize(
    ("make", "command"),
    [(k, "generate") for k in KINDS] + [(k, c) for k in (text, fifo) for c in ("plan", "probe")],
)
def test_what_is_no_film_is_refused(make, command, good, tmp_path):
    make(tmp_path / "bad.mp4")
    assert "bad.mp4" in refused(3, tmp_path, "bad.mp4", command=command)


@pytest.mark.parametrize("name", ["-f.mp4", "http:x.mp4", "a.b.mp4", "two\nlines.mp4", "🎬 é.mp4"])
def test_odd_names_are_names_and_nothing_else(name, good, tmp_path):
    film = Path(shutil.copy(good, tmp_path / name))
    before = sha256(film.read_bytes()).hexdigest()
    said = vta("generate", "--seed", 1, "--", name, program=FAKE, cwd=tmp_path)
    assert said.code == 0, said.err
    assert (tmp_path / f"{film.stem}.dubbed.mp4").is_file()
    assert sha256(film.read_bytes()).hexdigest() == before
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize("name", ["-f.mp4", "http:x.mp4", "a.b.mp4", "two\nlines.mp4", "🎬 é.mp4"])
def test_odd_names_that_are_no_film_give_one_sentence(name, tmp_path, here):
    text(tmp_path / name)
    refused(3, tmp_path, "--", name, run=here)


def test_a_name_that_looks_like_a_flag_is_a_usage_error(good, tmp_path):
    shutil.copy(good, tmp_path / "-f.mp4")
    refused(2, tmp_path, "-f.mp4")


def test_the_output_is_never_the_input(good, tmp_path, here):
    os.link(good, tmp_path / "other.mp4")
    (tmp_path / "link.mp4").symlink_to(good)
    for output in ("good.mp4", "./good.mp4", "other.mp4", "link.mp4"):
        sentence = refused(4, tmp_path, "good.mp4", "-o", output, "--overwrite", run=here)
        assert "input" in sentence


def test_destinations_that_cannot_be_written(good, tmp_path, here):
    (tmp_path / "file").write_text("")
    (tmp_path / "there.mp4").write_text("mine")
    (tmp_path / "folder.mp4").mkdir()
    for output in (
        "file/out.mp4",
        "absent/out.mp4",
        "there.mp4",
        "folder.mp4",
        "out.txt",
        "out",
        "/proc/out.mp4",
        "/dev/full/out.mp4",
    ):
        refused(4, tmp_path, "good.mp4", "-o", output, run=here)


def test_pairs_that_cannot_be(good, tmp_path):
    refused(4, tmp_path, "good.mp4", "-o", "out.webm")
    refused(4, tmp_path, "good.mp4", "-o", "out.mov", "--codec", "opus")


@pytest.mark.parametrize(
    "flags",
    [
        ["--seed", "x"],
        ["--steps", "0"],
        ["--guidance", "nan"],
        ["--batch-size", "0"],
        ["--device", "gpu"],
        ["--dtype", "int8"],
        ["--sampler", "dpm"],
        ["--audio", "mix"],
        ["--audio", "loud"],
        ["--codec", "mp3"],
        ["--crossfade", "9"],
        ["--crossfade", "inf"],
        ["--min-scene", "-1"],
        ["--detector", "eyes"],
        ["--threshold", "-3"],
        ["--scenes", "absent.csv"],
        ["--scenes", "good.mp4"],
        ["--scenes", "off", "--threshold", "3"],
        ["--gain", "1000"],
        ["--prompt", ""],
        ["--prompt", "rain", "--model", "fake-deaf"],
        ["--quality", "great"],
        ["--manners", "bad"],
        ["--motion-scale", "-1"],
        ["--hits-scale", "x"],
        ["--hits-scale", "2", "--model", "fake-deaf"],
        ["--guidance", "0", "--model", "fake-deaf"],
        ["--no-draft", "--model", "fake-deaf"],
        ["--reference", "good.mp4", "--model", "fake-deaf"],
        ["--reference", "good.mp4", "--no-draft"],
        ["--reference-strength", "0.5"],
        ["--reference", "good.mp4", "--reference-strength", "2"],
        ["--progress", "loud"],
        ["--no-such-flag"],
        ["another.mp4"],
    ],
    ids=" ".join,
)
def test_choices_that_cannot_be(flags, good, tmp_path, here):
    refused(2, tmp_path, "good.mp4", *flags, run=here)


def no_sound(path):
    film_of(path)


def silent_sound(path):
    ffmpeg("-f", "lavfi", "-t", 1, "-i", "anullsrc=r=44100", "-f", "wav", path)


def click(path):
    source = "aevalsrc=exprs='lt(t,0.01)*sin(6000*t)':d=1:s=44100"
    ffmpeg("-f", "lavfi", "-i", source, "-f", "wav", path)


@pytest.mark.parametrize(
    "make", [text, empty, folder, fifo, hls, absent, no_sound, silent_sound, click]
)
def test_references_that_cannot_be(make, good, tmp_path, here):
    make(tmp_path / "bad.mp4")
    for command in ("generate", "plan"):
        sentence = refused(
            3, tmp_path, "good.mp4", "--reference", "bad.mp4", command=command, run=here
        )
        assert "bad.mp4" in sentence
        assert sentence.count(". ") >= 1 or make in (absent,)  # it says what to do next


def test_a_guess_is_refused_by_a_model_that_makes_none(good, tmp_path, here):
    arguments = ["good.mp4", "--guess", "--model", "fake-deaf"]
    assert "--guess" in refused(2, tmp_path, *arguments, command="plan", run=here)


def test_a_model_that_is_not_here(good, tmp_path):
    assert "nope" in refused(5, tmp_path, "good.mp4", "--model", "nope")


def test_a_disk_that_is_full(good, tmp_path):
    """On a file system of one megabyte, where the machine lets us make one."""
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=200k", "none", small]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine lets nobody mount")
    try:
        refused(8, tmp_path, "good.mp4", "-o", "small/out.mp4")
    finally:
        subprocess.run(["umount", small], check=True)
