"""``vta ablate``: recipes at one cost, three tables, and plain words on what they mean."""

from __future__ import annotations

import json

import pytest

from vtacli.cli.main import main
from vtacli.evaluation.ablation import CEILING, FLOOR, TABLES, Study, _at_this_cost, _recipes
from vtacli.training.ldm.find import SHIPPED
from vtacli.training.ldm.recipe import read_ldm_recipe


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Two recipes, three steps each, on eight drawn films."""
    return tmp_path_factory.mktemp("ablation")


def run(study, *more) -> int:
    asked = ["--tables", "auxiliaries", "--films", "8", "--steps", "3", "--batch", "2"]
    asked += ["--autoencoder-steps", "3"]
    names = ["smoke-base", "smoke-pe"]
    return main(["ablate", *names, "-o", str(study), *asked, "--device", "cpu", "-q", *more])


@pytest.mark.slow
def test_a_study_trains_every_recipe_and_prints_its_table(study, capsys):
    assert run(study, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row for row in told["tables"]["auxiliaries"]}
    assert list(rows) == ["smoke-base", "smoke-pe"]
    assert {row["steps"] for row in rows.values()} == {3}
    assert {row["samples_a_step"] for row in rows.values()} == {2}
    _, floor = (row["figures"] for row in told["marks"])
    for row in rows.values():
        assert set(row["figures"]) == {"validation", "onset_f1", "mel", "fad", "kl", "inception"}
        assert row["figures"]["mel"]["low"] <= row["figures"]["mel"]["value"]
    assert floor["mel"]["value"] > 0
    assert json.loads((study / "ablation.json").read_text()) == told
    assert (study / "smoke-pe" / "model_index.json").is_file()
    said = " ".join(told["meaning"])
    assert "The encoders of 2 of 2 recipes have random weights" in said
    assert "The clips are drawn" in said
    assert "FAD and IS of" in said


@pytest.mark.slow
def test_a_second_run_finds_everything_made_and_prints_markdown(study, capsys):
    assert run(study) == 0
    capsys.readouterr()
    before = (study / "smoke-pe" / "state" / "step-00000003.pt").stat().st_mtime_ns
    first = json.loads((study / "ablation.json").read_text())
    assert run(study, "--markdown") == 0
    text = capsys.readouterr().out
    assert (study / "smoke-pe" / "state" / "step-00000003.pt").stat().st_mtime_ns >= before
    again = json.loads((study / "ablation.json").read_text())
    for table in (first, again):
        for row in table["tables"]["auxiliaries"]:
            del row["seconds"]
    assert first == again
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert lines[0].startswith("| recipe | validation loss")
    assert [line.split("|")[1].strip() for line in lines[2:]] == [
        "smoke-base",
        "smoke-pe",
        CEILING,
        FLOOR,
    ]


def test_the_tables_have_recipes_and_one_cost(tmp_path):
    study = Study(tmp_path, steps=50, batch=3)
    recipes = _recipes(study)
    assert set(recipes) == {f"smoke-{end}" for ends in TABLES.values() for end in ends}
    costs = {
        (r.optimizer.steps, r.optimizer.batch, r.optimizer.accumulate, r.optimizer.learning_rate)
        for r in (_at_this_cost(recipe, study, None) for recipe in recipes.values())
    }
    assert costs == {(50, 3, 1, 1e-3)}
    words_first = _at_this_cost(recipes["smoke-pretrain-text-concat"], study, None)
    assert words_first.pretrain.steps == 10


def test_a_published_recipe_keeps_its_own_autoencoder():
    recipe = read_ldm_recipe(SHIPPED / "vta-ldm-base.toml")
    at_cost = _at_this_cost(recipe, Study(SHIPPED), "elsewhere")
    assert at_cost.autoencoder.model == "vta-ldm-base"
    assert at_cost.optimizer.snr_weights == "published"


def test_what_is_no_table_is_refused(tmp_path, capsys):
    assert main(["ablate", "-o", str(tmp_path), "--tables", "encodes"]) == 2
    assert "There is no table 'encodes'" in capsys.readouterr().err
