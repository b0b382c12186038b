"""``vta measure`` and ``vta compare`` as a person runs them."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import ebu_signals as ebu
import numpy as np
import pytest
import soundfile
from commands import FAKE, Said, vta
from media_factory import X264, ffmpeg, film, moving_picture, tone

from vtacli.cli.main import main

RATE = 48_000


@pytest.fixture(scope="module")
def sounds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sounds")
    soundfile.write(folder / "r128.wav", ebu.tones([(-23.0, 5)]).T, RATE, subtype="PCM_24")
    soundfile.write(folder / "loud.flac", ebu.tones([(-10.0, 5)]).T, RATE)
    soundfile.write(folder / "silent.wav", np.zeros((RATE, 1)), RATE)
    broken = np.zeros((RATE, 1), np.float32)
    broken[500] = np.nan
    soundfile.write(folder / "broken.wav", broken, RATE, subtype="FLOAT")
    (folder / "text.wav").write_text("not a sound")
    return folder


Run = Callable[..., Said]


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """As :func:`vta`, in this process: a new one takes a second to start."""

    def run(*arguments: object, cwd: Path) -> Said:
        monkeypatch.chdir(cwd)
        code = main([str(a) for a in arguments])
        return Said(code, *capsys.readouterr())

    return run


def test_measure_answers_in_words(sounds: Path) -> None:
    told = vta("measure", "r128.wav", "--spec", "ebu-r128", cwd=sounds)
    assert told.code == 0
    for words in ("-23.0 LUFS", "-23.0 dBTP", "meets ebu-r128", "programme-gated"):
        assert words in told.out


def test_measure_answers_as_json(sounds: Path, here: Run) -> None:
    told = here("measure", "r128.wav", "loud.flac", "--spec", "-23", "--json", cwd=sounds)
    assert told.code == 10
    assert "loud.flac" in told.err
    first, second = told.answer["files"]
    assert told.answer["passed"] is False
    assert first["integrated_lufs"] == pytest.approx(-23.0, abs=0.1)
    assert first["verdict"]["passed"] is True
    assert second["verdict"]["sentences"] == ["13.0 LU too loud: -10.0 LUFS, not -23 ±0.5"]


def test_measure_takes_films_and_their_streams(tmp_path: Path, here: Run) -> None:
    source = tmp_path / "two.mkv"
    ffmpeg(*moving_picture(2), *tone(2), *tone(2), "-map", 0, "-map", 1, "-map", 2, *X264,
           "-c:a", "flac", "-filter:a:1", "volume=-20dB", source)  # fmt: skip
    loud = here("measure", source, "--json", cwd=tmp_path).answer["files"][0]
    quiet = here("measure", source, "--stream", 2, "--json", cwd=tmp_path).answer["files"][0]
    assert (loud["stream"], quiet["stream"], loud["others"]) == (1, 2, 1)
    assert loud["integrated_lufs"] - quiet["integrated_lufs"] == pytest.approx(20, abs=0.05)
    assert "stream 1 of 2 with sound" in here("measure", source, cwd=tmp_path).out
    refused = here("measure", source, "--stream", 0, cwd=tmp_path)
    assert refused.code == 3
    assert "Its sound is in stream 1, 2." in refused.err


def test_silence_is_measured_and_meets_no_spec(sounds: Path, here: Run) -> None:
    told = here("measure", "silent.wav", "--json", cwd=sounds)
    assert told.code == 0
    assert told.answer["files"][0]["integrated_lufs"] is None
    told = here("measure", "silent.wav", "--spec", "podcast", cwd=sounds)
    assert told.code == 10
    assert "silent" in told.out


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["r128.wav", "--spec", "ebu-128"], 2, "Did you mean ebu-r128"),
        (["missing.wav"], 3, "no such file"),
        (["text.wav"], 3, "no sound or film"),
        (["broken.wav"], 3, "no numbers"),
        (["r128.wav", "--plot", "plot.png"], 2, ".svg"),
        (["r128.wav", "--plot", "there.svg"], 4, "exists"),
    ],
)
def test_measure_refuses_with_a_sentence(
    sounds: Path, here: Run, arguments: list[str], code: int, said: str
) -> None:
    (sounds / "there.svg").write_text("<svg/>")
    told = here("measure", *arguments, cwd=sounds)
    assert told.code == code
    assert said.lower() in told.err.lower()


def test_measure_draws_loudness_over_time(sounds: Path, tmp_path: Path, here: Run) -> None:
    plot = tmp_path / "plot.svg"
    told = here("measure", "r128.wav", "loud.flac", "--spec", "-16", "--plot", plot, cwd=sounds)
    assert told.code == 10
    drawing = ET.parse(plot).getroot()
    lines = drawing.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2
    points = [tuple(map(float, p.split(","))) for p in lines[0].get("points", "").split()]
    assert len(points) == 21  # 3.0 to 5.0 s, every 0.1 s
    assert len({y for _, y in points}) == 1  # a steady tone
    assert [p.name for p in tmp_path.iterdir()] == ["plot.svg"]


def test_compare_proves_a_dub_and_finds_a_change(tmp_path: Path, here: Run) -> None:
    source = film(tmp_path / "in.mp4", 2, sound=True)
    made = vta("generate", source, "-o", "out.mp4", program=FAKE, cwd=tmp_path)
    assert made.code == 0, made.err
    told = vta("compare", "in.mp4", "out.mp4", cwd=tmp_path)
    assert told.code == 0
    assert "The picture is identical; the original track is identical." in told.out
    told = here("compare", "in.mp4", "out.mp4", "--json", cwd=tmp_path)
    assert told.answer["identical"] is True
    assert [s["state"] for s in told.answer["streams"]] == ["identical", "identical", "new"]
    ffmpeg("-i", source, "-c:a", "copy", *X264, tmp_path / "again.mp4")
    told = here("compare", "in.mp4", "again.mp4", cwd=tmp_path)
    assert told.code == 10
    assert "the picture" in told.err
    assert "differs" in told.out
    ffmpeg("-i", source, "-an", "-c", "copy", tmp_path / "mute.mp4")
    told = here("compare", "in.mp4", "mute.mp4", cwd=tmp_path)
    assert told.code == 10
    assert "original sound" in told.err
    assert here("compare", "in.mp4", "mute.mp4", "--picture-only", cwd=tmp_path).code == 0
    assert here("compare", "in.mp4", "none.mp4", cwd=tmp_path).code == 3


@pytest.mark.parametrize(
    ("command", "examples"),
    [
        ("measure", ["vta measure mix.wav --spec ebu-r128", "--plot"]),
        ("compare", ["vta compare street.mov street.dubbed.mov", "--picture-only"]),
    ],
)
def test_help_teaches(here: Run, tmp_path: Path, command: str, examples: list[str]) -> None:
    told = here(command, "--help", cwd=tmp_path)
    assert told.code == 0
    for example in examples:
        assert example in " ".join(told.out.split())
