"""Cue sheets and the window cache as a person uses them, once with the real model."""

from __future__ import annotations

import json

import fakes
import pytest
import soundfile
from commands import Said
from conftest import film_of

from vtacli.cli.main import main


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    return film_of(tmp_path_factory.mktemp("film") / "a film.mp4", seconds=6, shots=2)


@pytest.fixture
def here(capsys):
    """The command in this process, with the fake model unless told otherwise."""

    def run(*arguments, find_model=fakes.find) -> Said:
        capsys.readouterr()
        code = main([str(a) for a in arguments], find_model=find_model)
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return run


@pytest.mark.parametrize("form", ["toml", "csv", "json"])
def test_a_plan_is_saved_filled_in_and_obeyed(film, tmp_path, here, form):
    sheet = tmp_path / f"cues.{form}"
    saved = here("plan", film, "--save", sheet)
    assert saved.code == 0, saved.err
    assert f"--cues {sheet}" in saved.err
    before = here("plan", film, "--json").answer
    again = here("plan", film, "--cues", sheet, "--json").answer
    assert again["scenes"] == before["scenes"]
    assert len(again["scenes"]) == 2
    text = sheet.read_text(encoding="utf-8-sig")
    if form == "toml":
        text = text.replace('# prompt = ""', 'prompt = "rain"\nhits = [1.5]', 1)
        text += "mute = true\n"
    elif form == "csv":
        header, first, second, *rest = text.splitlines()
        text = "\n".join([header, first[:-9] + ",rain,,,1,0.0,,,1.5,", second, *rest])
        columns = dict(zip(header.split(","), first.split(","), strict=True))
        row = {**columns, "prompt": "rain", "hits": "1.5"}
        other = dict(zip(header.split(","), second.split(","), strict=True)) | {"mute": "yes"}
        text = "\n".join([header, *(",".join(r.values()) for r in (row, other)), *rest])
    else:
        said = json.loads(text)
        said["scenes"][0] |= {"prompt": "rain", "hits": [1.5]}
        said["scenes"][1]["mute"] = True
        text = json.dumps(said)
    sheet.write_text(text, encoding="utf-8")
    shown = here("plan", film, "--cues", sheet)
    assert shown.code == 0, shown.err
    assert [w for w in ("hits", "mute", "asked", "rain") if w not in shown.out] == []
    assert "2 scenes, 1 window" in shown.out
    out = tmp_path / "out.mkv"
    made = here("generate", film, "-o", out, "--cues", sheet, "--json")
    assert made.code == 0, made.err
    assert [(s["prompt"], s["mute"]) for s in made.answer["scenes"]] == [
        ("rain", False), (None, True)
    ]  # fmt: skip
    assert made.answer["scenes"][0]["hits"] == [{"time_s": 1.5, "strength": 1.0}]
    exists = here("plan", film, "--save", sheet)
    assert (exists.code, "--overwrite" in exists.err) == (4, True)


def test_a_film_that_is_dubbed_already_does_not_stand_in_a_sheet_s_way(film, tmp_path, here):
    beside = tmp_path / film.name
    beside.write_bytes(film.read_bytes())
    (tmp_path / f"{film.stem}.dubbed.mp4").write_bytes(b"an earlier one")
    assert here("plan", beside).code == 4
    saved = here("plan", beside, "--save", tmp_path / "cues.toml")
    assert saved.code == 0, saved.err
    assert (tmp_path / "cues.toml").is_file()


def test_labels_as_an_editing_program_shows_them(film, tmp_path, here):
    sheet = tmp_path / "cues.toml"
    saved = here("plan", film, "--save", sheet, "--tc-start", "01:00:00:00")
    assert saved.code == 0, saved.err
    assert 'start = "01:00:00:00"' in sheet.read_text()
    again = here("plan", film, "--cues", sheet, "--json").answer
    assert again["scenes"] == here("plan", film, "--json").answer["scenes"]


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--cues", "{}", "--scenes", "off"], 2, "Leave out --scenes, or --cues"),
        (["--cues", "{}", "--hits", "h.csv"], 2, "Leave out --hits, or --cues"),
        (["--cues", "missing.toml"], 2, "no such file"),
        (["--cues", "{}"], 2, "Line 3: scene 1 has no 'promt'. Did you mean prompt?"),
        (["--save", "cues.yaml"], 2, ".toml, .csv, .json"),
        (["--save", "nowhere/cues.toml"], 4, "does not exist"),
        (["--tc-start", "01:00:00:00"], 2, "Pass --save FILE"),
        (["--save", "n.toml", "--tc-start", "01:00:00:25"], 2, "numbered 0 to 24"),
    ],
)
def test_what_is_refused(film, tmp_path, here, monkeypatch, arguments, code, says):
    monkeypatch.chdir(tmp_path)
    sheet = tmp_path / "bad.toml"
    sheet.write_text('[[scene]]\nstart = 0\npromt = "x"\n')
    said = here("plan", film, *(a.format(sheet) for a in arguments))
    assert (said.code, says in said.err) == (code, True), said.err
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.toml"]


def test_windows_of_the_real_model_are_kept_and_told(tmp_path, here, monkeypatch):
    """A rerun is the same to the sample and asks nothing of the model; other words ask for one."""
    monkeypatch.setenv("VTA_CACHE_LIMIT", "1GB")

    def stem(folder, *more):
        said = here(
            "stems", "--prompt", "rain", "--seconds", 4, "-o", tmp_path / folder, "--seed", 3,
            "--steps", 2, "--manners", "off", "--device", "cpu", "--json", *more, find_model=None,
        )  # fmt: skip
        assert said.code == 0, said.err
        (path,) = (tmp_path / folder).iterdir()
        return soundfile.read(path, dtype="int32")[0], said

    first, said = stem("a")
    assert said.answer["windows_cache"] == {"reused": 0, "made": 1}
    again, said = stem("b")
    assert said.answer["windows_cache"] == {"reused": 1, "made": 0}
    assert "1 window: 1 reused, 0 made." in said.err
    plain, said = stem("c", "--no-cache")
    assert said.answer["windows_cache"] == {"reused": 0, "made": 0}
    assert (first == again).all()
    assert (first == plain).all()
    assert first.any()
    state = here("cache", "--json").answer
    assert (state["windows"], state["reused"], state["made"], state["rate"]) == (1, 1, 1, 0.5)
    assert state["limit_bytes"] == 10**9
    assert "last run  1 of 1 window reused" in here("cache").out
    cleared = here("cache", "--clear")
    assert (cleared.code, "1 window deleted." in cleared.err) == (0, True)
    assert here("cache", "--json").answer["windows"] == 0


def test_a_limit_is_kept_and_a_bad_one_refused(tmp_path, here, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert here("cache", "--limit", "5GB").code == 0
    assert here("cache", "--json").answer["limit_bytes"] == 5 * 10**9
    assert here("cache", "--limit", "0").code == 0
    assert "it is off" in here("cache").out
    wrong = here("cache", "--limit", "much")
    assert (wrong.code, "Write 2GB" in wrong.err) == (2, True)
    monkeypatch.setenv("VTA_CACHE_LIMIT", "lots")
    assert here("cache").code == 2
