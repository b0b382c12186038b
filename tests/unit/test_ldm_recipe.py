"""Recipes of the vta-ldm family: read strictly, one a variant, true to what is published."""

from __future__ import annotations

from pathlib import Path

import pytest

from vtacli.errors import ConfigError
from vtacli.model import published
from vtacli.model.encoders import ENCODERS
from vtacli.model.variants import VARIANTS
from vtacli.training.ldm.find import SHIPPED, find_recipe
from vtacli.training.ldm.recipe import is_ldm, read_ldm_recipe

FAMILY = sorted(p for p in SHIPPED.glob("*.toml") if is_ldm(p))
PUBLISHED = [p.stem.removeprefix("vta-ldm-") for p in FAMILY if p.stem.startswith("vta-ldm-")]


def test_the_paper_s_variants_are_all_there():
    paper = {"base", "ib", "lb", "jepa", "vivit", "cavp", "text", "pe", "flow"}
    assert set(PUBLISHED) == paper | {"text-concat", "pretrain-text-concat"}


def written(folder: Path, text: str, name: str = "mine.toml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


@pytest.mark.parametrize("path", FAMILY, ids=lambda p: p.stem)
def test_every_shipped_recipe_reads(path):
    recipe = read_ldm_recipe(path)
    assert recipe.name == path.stem
    assert recipe.encoder.name in ENCODERS


@pytest.mark.parametrize("name", PUBLISHED)
def test_each_published_variant_has_its_recipe_and_a_small_one(name):
    whole = read_ldm_recipe(SHIPPED / f"vta-ldm-{name}.toml")
    small = read_ldm_recipe(SHIPPED / f"smoke-{name}.toml")
    assert whole.variant == small.variant
    assert whole.encoder.name == small.encoder.name
    assert whole.encoder.auxiliaries == small.encoder.auxiliaries
    assert whole.data.modes == small.data.modes
    assert whole.pretrain.modes == small.pretrain.modes
    assert bool(whole.pretrain.steps) == bool(small.pretrain.steps)
    assert whole.data.concatenate == small.data.concatenate
    # What is published of the trainer: train.sh of ariesssxu/vta-ldm.
    o = whole.optimizer
    assert (o.learning_rate, o.batch, o.accumulate, o.warmup) == (1e-5, 8, 4, 300)
    assert (o.betas, o.weight_decay, o.epsilon) == ((0.9, 0.999), 1e-2, 1e-8)
    assert (o.snr_gamma, o.snr_weights, o.schedule) == (5.0, "published", "linear")
    assert o.steps == round(120 * 183_727 / 256)
    assert not whole.denoiser.config
    assert published.fact("vta-ldm-unet")["cross_attention_dim"] == 2048


def test_every_variant_of_the_family_can_be_trained_small():
    small = {read_ldm_recipe(p).variant for p in FAMILY if p.stem.startswith("smoke-")}
    assert small == {name for name in VARIANTS if name.startswith("vta-ldm-")}


MINIMAL = 'kind = "ldm"\n\n[optimizer]\nsteps = 5\n'


@pytest.mark.parametrize(
    ("text", "line", "words", "hint"),
    [
        (MINIMAL + "batsch = 2\n", 5, r"\[optimizer\] has no key 'batsch'", "Did you mean batch?"),
        (MINIMAL + "\n[wach]\n", 6, "no key 'wach'", "Did you mean watch?"),
        ("sede = 3\n" + MINIMAL, 1, "no key 'sede'", "Did you mean seed?"),
        (MINIMAL + 'batch = "two"\n', 5, "batch is a whole number, not 'two'", ""),
        (MINIMAL + "batch = true\n", 5, "batch is a whole number, not True", ""),
        (MINIMAL + "\n[data]\ndrop = 1.5\n", 6, "drop is a share", ""),
        (MINIMAL + "\n[data]\nmodes = { pictur = 1 }\n", 6, "a mode is 'pictur'", "mean picture?"),
        (
            MINIMAL + '\n[watch]\ntrackers = ["tensorbord"]\n',
            6,
            "a tracker is",
            "mean tensorboard?",
        ),
        (MINIMAL + 'schedule = "cosin"\n', 3, "schedule is 'cosin'", "Did you mean cosine?"),
        (
            'kind = "ldm"\nvariant = "vta-ldm-bse"\n\n[optimizer]\nsteps = 5\n',
            None,
            "variant is",
            "b",
        ),
        ('kind = "ldm"\n[optimizer]\nbatch = 2\n', 2, r"\[optimizer\] needs 'steps'", ""),
        (MINIMAL + "\n[lora]\nrank = 4\n", None, "start must name it", ""),
    ],
)
def test_a_fault_is_told_with_file_line_and_what_was_meant(tmp_path, text, line, words, hint):
    path = written(tmp_path, text)
    with pytest.raises(ConfigError, match=words) as caught:
        read_ldm_recipe(path)
    said = str(caught.value)
    assert str(path) in said
    assert hint in said
    if line is not None:
        assert f"line {line}:" in said


def test_a_recipe_extends_another_key_by_key(tmp_path):
    written(
        tmp_path, MINIMAL + "batch = 3\n\n[data]\ndrop = 0.2\nmodes = { words = 1 }\n", "a.toml"
    )
    child = written(
        tmp_path, 'extends = "a"\nseed = 9\n[optimizer]\nbatch = 4\n[data]\nmodes = { both = 1 }\n'
    )
    recipe = read_ldm_recipe(child)
    assert (recipe.seed, recipe.name) == (9, "mine")
    assert (recipe.optimizer.steps, recipe.optimizer.batch) == (5, 4)
    assert (recipe.data.drop, recipe.data.modes) == (0.2, {"both": 1.0})


def test_a_fault_in_what_is_extended_is_told_of_that_file(tmp_path):
    parent = written(tmp_path, MINIMAL + "betas = 3\n", "a.toml")
    child = written(tmp_path, 'extends = "a"\nkind = "ldm"\n')
    with pytest.raises(ConfigError, match="betas is a list of a number") as caught:
        read_ldm_recipe(child)
    assert caught.value.path == parent
    written(tmp_path, 'extends = "mine"\nkind = "ldm"\n', "a.toml")
    with pytest.raises(ConfigError, match="extends itself"):
        read_ldm_recipe(child)


def test_a_wrong_name_of_a_recipe_gets_a_suggestion():
    with pytest.raises(ConfigError, match=r"Did you mean vta-ldm-base\?"):
        find_recipe(Path("vta-ldm-bas"))
