"""``vta models`` as it is typed: every command of the README, every answer, every exit code."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import parity
import pytest
from commands import ROOT, vta
from published_model import REFERENCE

from vtacli.cli.main import main

PULLED = "vta-ldm-clip4clip-v-large"


def section() -> list[str]:
    """The commands of the README's section on models, in order."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    text = readme.split("\n## The models\n")[1].split("\n## ")[0]
    block = re.search(r"```sh\n(.*?)```", text, re.DOTALL)
    assert block is not None
    return [line for line in block.group(1).splitlines() if line.startswith("vta models ")]


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A person without settings, in an empty folder; nothing of the test reaches the real one."""
    for name in ("VTA_WEIGHTS", "VTA_CATALOG", "VTA_MIRROR", "HF_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def say(place, capsys):
    """Runs a command here and gives its code, its answer and what was said."""

    def run(*arguments: object):
        capsys.readouterr()
        code = main(["models", *map(str, arguments)])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A shelf with an imported model, by the command itself in a real process."""
    shelf = tmp_path_factory.mktemp("shelf")
    said = vta("models", "import", REFERENCE, "--name", "tiny", "--weights-dir", shelf, "--json")
    assert said.code == 0, said.err
    assert said.answer["variant"] == "vta-ldm-base"
    assert said.answer["folder"] == str(shelf / "tiny")
    return shelf


def test_every_command_of_the_readme_does_what_it_says(place, say, monkeypatch):
    shutil.copytree(REFERENCE, place / "published")
    # The hub's files are not to be had here: a mirror has narrow ones under the same names, and
    # with them the denoiser's settings, which are not those that come with vta.
    shutil.copytree(REFERENCE, place / "mirror" / PULLED)
    monkeypatch.setenv("VTA_MIRROR", f"file://{place}/mirror")
    catalog = (ROOT / "weights" / "catalog.toml").read_text(encoding="utf-8")
    catalog += f'[[models.{PULLED}.files]]\npath = "unet_config.json"\nrepository = "a/b"\n'
    (place / "studio.toml").write_text(catalog)
    monkeypatch.setenv("VTA_CATALOG", str(place / "studio.toml"))
    commands = section()
    assert {c.split()[2] for c in commands} == {
        "list", "show", "pull", "import", "verify", "path", "default", "du", "export", "rm",
        "prune",
    }  # fmt: skip
    answers = {}
    for command in commands:
        code, out, err = say(*shlex.split(command)[2:])
        assert code == 0, f"{command}: {err}"
        assert out.strip(), command
        answers[command] = out
    shelf = place / "cache" / "vta" / "weights"
    assert {p.name for p in shelf.iterdir() if not p.name.startswith(".") and p.is_dir()} == {
        PULLED, "vta-ldm",
    }  # fmt: skip
    assert answers["vta models path vta-ldm"].strip() == str(shelf / "vta-ldm")
    assert answers["vta models default vta-ldm"].strip() == "vta-ldm"
    assert answers["vta models default --reset"].strip() == "vta-mini"
    code, out, _ = say("verify", "--json")
    assert code == 0
    assert {m["name"] for m in json.loads(out)["models"]} == {PULLED, "vta-ldm", "vta-mini"}
    code, out, _ = say("list", "--json")
    rows = {row["name"]: row for row in json.loads(out)["models"]}
    assert rows[PULLED]["state"] == "installed"
    assert rows[PULLED]["commercial"] is False


@pytest.mark.slow
def test_an_imported_model_dubs_a_film_and_keeps_parity(made, silent_film, tmp_path, capsys):
    said = vta(
        "generate", silent_film, "-o", tmp_path / "o.mkv", "--model", "tiny", "--steps", 1,
        "--weights-dir", made, "--device", "cpu", "--json", VTA_WEIGHTS="/nowhere",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert said.answer["samples"] == 96_000
    assert parity.main([str(REFERENCE), str(made / "tiny")]) == 0
    assert "10 of 10 stages within tolerance" in capsys.readouterr().out


def test_the_chosen_default_is_what_plan_and_generate_take(made, place, say, silent_film, capsys):
    assert say("default", "tiny", "--weights-dir", made)[0] == 0
    capsys.readouterr()
    assert main(["plan", str(silent_film), "--weights-dir", str(made), "--json"]) == 0
    assert "vta-ldm-base" in capsys.readouterr().out
    command = ["plan", str(silent_film), "--model", "vta-mini", "--json"]
    assert main([*command, "--weights-dir", str(made)]) == 0
    assert "vta-ldm-base" not in capsys.readouterr().out
    assert main(["plan", str(silent_film)]) == 5  # without the shelf it is not there, and says so
    assert "no model 'tiny'" in capsys.readouterr().err


def test_an_empty_cache_is_an_empty_table(place, say, monkeypatch):
    """An installation that lost even the model that ships."""
    monkeypatch.setattr("vtacli.__file__", str(place / "empty" / "vtacli" / "__init__.py"))
    catalog = place / "empty" / "weights" / "catalog.toml"
    catalog.parent.mkdir(parents=True)
    catalog.write_text("schema = 1\n")
    code, out, err = say("list", "--json")
    assert (code, json.loads(out), err) == (0, {"models": []}, "")
    code, out, _ = say("list")
    assert code == 0
    assert len(out.strip().splitlines()) == 1  # the header
    for command in ("verify", "du", "prune", "path"):
        assert say(command)[0] == 0, command


def test_every_answer_can_be_json(made, say, place):
    for command in (
        ["list"], ["list", "--installed"], ["show", "tiny"], ["show", "vta-mini"], ["show", PULLED],
        ["path"], ["path", "tiny"], ["du"], ["verify", "tiny"], ["prune", "--dry-run"],
        ["export", "tiny", place / "stick"],
    ):  # fmt: skip
        code, out, err = say(*command, "--json", "--weights-dir", made)
        assert code == 0, (command, err)
        assert isinstance(json.loads(out), dict)
        assert out.count("\n") == 1
    code, out, _ = say("default", "--json")
    assert json.loads(out)["default"] == "vta-mini"


def test_show_says_what_a_person_needs_to_know(say):
    code, out, _ = say("show", PULLED)
    assert code == 0
    for words in ("CC-BY-NC-SA-4.0", "not allowed", "picture", "not pinned yet", "6 GB"):
        assert words in out
    code, out, _ = say("show", "vta-mini", "--card")
    assert "model card" in out
    code, out, _ = say("show", "vta-mini", "--licence")
    assert "TERMS AND CONDITIONS FOR USE" in out
    code, _, err = say("show", PULLED, "--card")
    assert code == 5
    assert "huggingface.co" in err


def test_list_says_what_is_not_pinned(say):
    code, out, _ = say("list")
    assert code == 0
    row = next(line for line in out.splitlines() if PULLED in line)
    assert "not pinned yet" in row
    assert "not commercial" in row
    assert "* " in next(line for line in out.splitlines() if "vta-mini" in line)


def test_a_damaged_model_fails_verify_and_is_not_loaded(made, place, say, silent_film, capsys):
    shelf = place / "shelf"
    shutil.copytree(made, shelf)
    weights = shelf / "tiny" / "vae" / "diffusion_pytorch_model.safetensors"
    raw = weights.read_bytes()
    weights.write_bytes(raw[:-1000] + bytes([raw[-1000] ^ 64]) + raw[-999:])
    code, out, err = say("verify", "tiny", "--weights-dir", shelf, "--json")
    assert code == 10
    answer = json.loads(out)
    assert answer["ok"] is False
    assert any("SHA-256 differs" in c["found"] for c in answer["models"][0]["checks"])
    assert "vta models rm tiny" in err
    weights.write_bytes(raw[:-1000])
    code, out, _ = say("verify", "tiny", "--weights-dir", shelf)
    assert code == 10
    assert "NO  headers" in out
    capsys.readouterr()
    generate = ["generate", silent_film, "-o", place / "o.mkv", "--model", "tiny", "--steps", 1]
    assert main([*map(str, generate), "--weights-dir", str(shelf)]) == 6
    assert "damaged or not safetensors" in capsys.readouterr().err
    assert not (place / "o.mkv").exists()


@pytest.mark.parametrize(
    ("command", "code", "words"),
    [
        (["show", "vta-mimi"], 5, "Did you mean vta-mini?"),
        (["verify", "vta-mimi"], 5, "Did you mean vta-mini?"),
        (["path", "vta-mimi"], 5, "Did you mean vta-mini?"),
        (["default", "vta-mimi"], 5, "Did you mean vta-mini?"),
        (["export", "vta-mimi", "x.tar"], 5, "Did you mean vta-mini?"),
        (["rm", "vta-mimi"], 5, "Did you mean vta-mini?"),
        (["pull", "vta-mimi"], 5, "Did you mean vta-mini?"),
        (["rm", "vta-mini"], 4, "comes with vta"),
        (["rm", "../vta-mini"], 2, "no name for a model"),
        (["import", "nowhere"], 5, "no such file"),
        (["import", ".", "--name", "../x"], 2, "no name for a model"),
        (["export", "vta-mini", "x.zip"], 2, ".tar"),
        (["default", "vta-mini", "--reset"], 2, "Either"),
        (["list", "--catalog", "absent.toml"], 2, "no such catalog"),
        (["lst"], 2, "list"),
    ],
)
def test_what_cannot_be_done_is_said(say, command, code, words):
    got, out, err = say(*command)
    assert (got, out) == (code, ""), err
    assert words in err


@pytest.mark.slow
def test_a_name_that_another_shelf_has_first_is_said(made, place, say):
    code, out, err = say("import", made / "tiny", "--name", "vta-mini")
    assert code == 0
    assert "is found first" in err
    assert "vta generate IN --model vta-mini" in out
    code, out, err = say("import", made / "tiny", "--weights-dir", place / "mine")
    assert code == 0
    assert "found first" not in err
    assert f"--weights-dir {place / 'mine'}" in out


def test_names_are_completed(made, place):
    environ = {
        "_VTA_COMPLETE": "complete_bash",
        "COMP_WORDS": "vta models show ",
        "COMP_CWORD": "3",
        "VTA_WEIGHTS": str(made),
    }
    assert set(vta(**environ).out.split()) == {"tiny", "vta-mini", PULLED}
    environ["COMP_WORDS"], environ["COMP_CWORD"] = "vta generate --model t", "3"
    assert vta(**environ).out.split() == ["tiny"]
