"""DeSync in ``vta evaluate FILMS``, with a tiny Synchformer on a shelf and without one."""

import csv
import io
import json
from contextlib import redirect_stderr, redirect_stdout

import made_synchformer
import numpy as np
import pytest
import soundfile
from commands import Said
from fakes import find
from media_factory import film

from vtacli.cli.main import main


def evaluate(place, *more, out="out") -> Said:
    """In this process, on films of which one is short and one has no sound."""
    said, err = io.StringIO(), io.StringIO()
    arguments = [
        "evaluate", place / "films", "--generated", place / "made", "--flow-side", -1,
        "-o", place / out, *more,
    ]  # fmt: skip
    with redirect_stdout(said), redirect_stderr(err):
        code = main([str(a) for a in arguments], find_model=find)
    return Said(code, said.getvalue(), err.getvalue())


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("desync")
    rng = np.random.default_rng(0)
    for name in ("films", "made"):
        (folder / name).mkdir()
    for name, seconds in (("heron", 5.2), ("ibis", 6.0), ("rail", 2.0)):
        film(folder / "films" / f"{name}.mp4", seconds, size="64x48", sound=name != "ibis")
        wave = rng.normal(0, 0.05, int(16_000 * seconds)).astype(np.float32)
        soundfile.write(folder / "made" / f"{name}.wav", wave, 16_000)
    made_synchformer.folder(folder / "shelf")
    return folder


@pytest.fixture(scope="module")
def run(place):
    done = evaluate(place, "--weights-dir", place / "shelf", "--device", "cpu", "--json")
    assert done.code == 0, done.err
    return done


def test_it_is_measured_where_its_weights_are(run, place):
    figure = {f["key"]: f for f in run.answer["figures"]}["desync"]
    assert 0 <= figure["value"] <= 2
    assert (figure["units"], figure["unit"], figure["more_is_better"]) == (2, "s", False)
    assert figure["floor"]["units"] == 1
    assert figure["floor"]["how"] == "true sound"
    assert figure["ceiling"]["units"] == 2
    assert "DeSync" not in " ".join(run.answer["not_measured"])
    assert "rail: shorter than the 4.8 s" in " ".join(run.answer["left_out"])

    clips = {r["clip"]: r["desync"] for r in csv.DictReader((place / "out" / "clips.csv").open())}
    assert clips["rail"] == ""
    assert np.mean([float(clips[n]) for n in ("heron", "ibis")]) == pytest.approx(figure["value"])
    assert "DeSync ↓" in (place / "out" / "table.md").read_text()
    assert "DeSync ↓" in (place / "out" / "index.html").read_text()


def test_what_was_measured_is_kept(run, place, monkeypatch):
    from vtacli.model.synchformer import Synchformer

    def refuse(*_):
        raise AssertionError("it is known")

    for part in ("see", "hear", "forward"):
        monkeypatch.setattr(Synchformer, part, refuse)
    again = evaluate(place, "--weights-dir", place / "shelf", "--device", "cpu", "--json")
    assert again.code == 0, again.err
    assert again.answer["figures"] == run.answer["figures"]


def test_without_weights_it_is_left_out_and_said(run, place, monkeypatch):
    monkeypatch.delenv("VTA_WEIGHTS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(place))  # whoever runs this may have them
    done = evaluate(place, out="without")
    assert done.code == 0, done.err
    assert "DeSync is left out" in done.out
    assert "folder synchformer" in " ".join(done.out.split())
    assert "DeSync is left out" in (place / "without" / "index.html").read_text()
    figures = json.loads((place / "without" / "scores.json").read_text())["figures"]
    assert "desync" not in {f["key"] for f in figures}
    others = {f["key"]: f for f in run.answer["figures"]}
    assert all(others[f["key"]] == f for f in figures)  # and changes nothing else

    asked = evaluate(place, "--desync", out="asked")
    assert asked.code == 5
    assert "synchformer_state_dict.pth" in asked.err
    unasked = evaluate(place, "--no-desync", "--weights-dir", place / "shelf", "--json", out="un")
    assert unasked.answer["not_measured"][0] == "DeSync is left out: it was not asked for."


def test_it_is_of_a_folder_of_films(capsys):
    assert main(["evaluate", "--desync"], find_model=find) == 2
    assert "folder of films" in capsys.readouterr().err
