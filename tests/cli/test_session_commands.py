"""The commands on sessions, as a person and as a program use them."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest
from commands import vta
from fakes import FakeModel, find, handle
from many_scenes import shared_twenty
from media_factory import ffmpeg

from vtacli.cli.app import app
from vtacli.cli.main import main
from vtacli.cli.root_help import GROUPS
from vtacli.dub import dub
from vtacli.options import GenerateOptions


@pytest.fixture(scope="module")
def twenty(tmp_path_factory):
    return shared_twenty(tmp_path_factory)


@pytest.fixture
def said(capfd):
    """Runs a command here, with the fake model: its code, its answer, its talk."""

    def run(*arguments):
        code = main([str(a) for a in arguments], find_model=find)
        out, err = capfd.readouterr()
        return code, (json.loads(out) if "--json" in arguments else out), err

    return run


def hash_of(path):
    return sha256(path.read_bytes()).hexdigest()


def test_a_session_from_the_first_take_to_the_last_word(twenty, tmp_path, said):
    film, cuts = twenty
    output, session = tmp_path / "out.mkv", tmp_path / "out.vta"
    common = ["generate", film, "-o", output, "--scenes", cuts, "--seed", 4]
    code, made, _ = said(*common, "--takes", 2, "--json")  # more than one take makes a session
    assert code == 0
    assert (made["takes_made"], made["takes_reused"]) == (40, 0)
    assert made["sha256"] == hash_of(output)
    assert made["scenes"][3]["foley_gain_db"] == 0

    code, text, _ = said("takes", session, "--scene", "2-3")
    assert code == 0
    assert "2 scenes, 4 takes" in text
    assert "00:00:00:20" in text
    code, takes, _ = said("takes", output, "--json")  # the film's name will do
    assert [s["chosen"] for s in takes["scenes"]] == [1] * 20
    assert len({t["sha256"] for s in takes["scenes"] for t in s["takes"]}) == 40

    code, text, err = said("pick", session, 3, 2)
    assert code == 0
    assert "vta render" in text
    assert hash_of(output) == made["sha256"]  # nothing was rendered yet
    code, redone, _ = said(
        "redo", session, "--scene", "4", "--prompt", "a dog", "--render", "--json"
    )
    assert code == 0
    assert redone["scenes"][0]["takes"][2]["prompt"] == "a dog"
    assert redone["rendered"]["sha256"] == hash_of(output) != made["sha256"]
    # as a cue sheet it says the same, whatever was redone
    assert said("takes", session, "--save", tmp_path / "now.toml")[0] == 0
    code, same, _ = said(*common[:4], "--seed", 4, "--cues", tmp_path / "now.toml", "--json")
    assert (same["takes_made"], same["sha256"]) == (0, hash_of(output))
    said("undo", session)
    for _ in range(2):
        code, _, _ = said("undo", session, "--render", "--json")
        assert code == 0
    assert hash_of(output) == made["sha256"]

    assert said("lock", session, "1-4")[0] == 0
    code, _, err = said("redo", session, "--scene", "3")
    assert code == 2
    assert "Scene 3 is locked" in err
    assert "--unlock" in err
    assert said("lock", session, "3", "--unlock")[0] == 0
    # as a cue sheet it says the same, and with one word changed one scene is made
    sheet = tmp_path / "cues.toml"
    assert said("takes", session, "--save", sheet)[0] == 0
    again = ["generate", film, "-o", output, "--seed", 4, "--session", "--cues", sheet, "--json"]
    assert [said(*again)[1]["takes_made"] for _ in range(2)] == [0, 0]
    sheet.write_text(sheet.read_text().replace("[[scene]]", '[[scene]]\nprompt = "rain"', 1))
    code, _, err = said(*again)
    assert code == 0
    assert "Scene 1 is locked and stays as it is." in err
    assert said("undo", session)[0] == 0
    assert said("lock", session, "1-4")[0] == 0
    assert said("lock", session, "3", "--unlock")[0] == 0
    code, history, _ = said("history", session, "--json")
    whats = [e["what"] for e in history["history"] if e["kind"] != "take"]
    assert whats[-2:] == ["scenes 1, 2, 3, 4 locked", "scene 3 unlocked"]
    assert "taken back" in said("history", session)[1]


def test_a_render_takes_other_choices_and_says_what_does_not_go(twenty, tmp_path, said):
    film, cuts = twenty
    output, session = tmp_path / "out.mkv", tmp_path / "out.vta"
    common = ["generate", film, "-o", output, "--scenes", cuts, "--seed", 4, "-q"]
    assert said(*common, "--session")[0] == 0
    other = tmp_path / "other.mov"
    mix = ["--audio", "replace", "--gain", -6, "--loudness", "-20", "--no-provenance"]
    code, done, _ = said("render", session, "-o", other, *mix, "--json")
    assert code == 0
    assert done["audio"] == "replace"
    assert done["loudness"]["integrated_lufs"] == pytest.approx(-20, abs=0.3)
    assert done["scene_gains_db"] == [-6.0] * 20
    other.write_bytes(b"mine")
    code, _, err = said("render", session, "-o", other)
    assert code == 4
    assert "--overwrite" in err
    assert said("render", session, "--duck", "loud")[0] == 2
    for wrong in (["--takes", 0], ["--seed", -1], ["--prompt", " "], ["--scene", "99"]):
        assert said("redo", session, "--scene", "1", *wrong)[0] == 2
    missing = tmp_path / "nowhere" / "out.mkv"
    assert said("generate", film, "-o", missing, "--session")[0] == 4
    code, _, err = said("takes", tmp_path / "none.vta")
    assert code == 2
    assert "no session here" in err
    assert "vta generate IN --session" in err


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv", ".mxf", ".webm"])
def test_the_same_sound_makes_the_same_file_in_every_container(silent_film, tmp_path, suffix):
    film = silent_film
    if suffix == ".webm":
        film = tmp_path / "film.webm"
        vp8 = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-t", "1"]
        ffmpeg("-i", silent_film, *vp8, film)
    hashes = set()
    for name in "ab":
        options = GenerateOptions(seed=1, prompt="rain")
        result = dub(film, tmp_path / f"{name}{suffix}", options, handle(FakeModel()))
        hashes.add(hash_of(result.output))
    assert len(hashes) == 1


def test_every_command_is_in_the_help_with_a_few_words():
    text = vta("--help").out
    listed = [c.name or c.callback.__name__ for c in app.registered_commands]
    listed += [g.name for g in app.registered_groups]
    assert {"takes", "redo", "pick", "lock", "undo", "history", "render"} <= set(listed)
    for name in listed:
        assert f" {name} " in text, name
    assert all(group in text for group in GROUPS)
    assert "Other" not in text
    assert "..." not in text.replace("COMMAND ...", "")
    assert len(text.strip("\n").splitlines()) <= 40
