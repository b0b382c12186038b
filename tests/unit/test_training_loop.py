"""The loop: a cut run equals an uncut one; recipes are checked before any work."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

import vtacli
from vtacli.cli.main import main
from vtacli.errors import ConfigError
from vtacli.progress import ignore
from vtacli.training.loop import Schedule, fit, trainable_parameters
from vtacli.training.recipe import read_recipe


def line_loss(model, rng, step):
    x = torch.from_numpy(rng.standard_normal((8, 3)).astype("f4"))
    loss = (model(x) - x.sum(dim=1, keepdim=True)).pow(2).mean()
    # Random numbers of torch's own are part of what resuming must repeat.
    return loss + 0 * torch.rand(()), {"loss": float(loss.detach())}


def train(state: Path, schedule: Schedule, **extra) -> nn.Module:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    fit("line", model, line_loss, schedule, seed=1, state_file=state, report=ignore, **extra)
    return model


def test_resuming_equals_not_stopping(tmp_path):
    whole = Schedule(steps=40, warmup=5)
    uncut = train(tmp_path / "uncut.pt", whole)
    state = tmp_path / "cut.pt"

    class Stop(Exception):
        pass

    calls = 0

    def stopping(model, rng, step):
        nonlocal calls
        calls += 1
        if calls == 18:
            raise Stop
        return line_loss(model, rng, step)

    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 1))
    with pytest.raises(Stop):
        fit(
            "line", model, stopping, whole,
            seed=1, state_file=state, report=ignore, save_every_s=0,
        )  # fmt: skip
    assert 0 < torch.load(state, weights_only=True)["step"] < 40
    resumed = train(state, whole)
    for a, b in zip(uncut.parameters(), resumed.parameters(), strict=True):
        assert torch.equal(a, b)


def test_it_learns(tmp_path):
    model = train(tmp_path / "s.pt", Schedule(steps=400, warmup=5, learning_rate=1e-2, ema=0.9))
    x = torch.randn(64, 3, generator=torch.Generator().manual_seed(0))
    assert (model(x) - x.sum(dim=1, keepdim=True)).pow(2).mean() < 0.3


def test_the_optimizer_gets_all_and_only_what_is_trainable():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[0].requires_grad_(False)
    mine = {id(p) for p in trainable_parameters(model)}
    assert mine == {id(p) for p in model.parameters() if p.requires_grad}
    assert len(mine) == 2


def test_the_rate_rises_stays_and_falls():
    schedule = Schedule(steps=100, learning_rate=1.0, warmup=10, decay_share=0.2)
    rates = [schedule.rate(s) for s in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[50] == 1.0
    assert rates[99] == pytest.approx(0.05)
    assert max(rates) == 1.0


@pytest.mark.parametrize("name", ["vta-mini", "smoke"])
def test_shipped_recipes_parse(name):
    recipe = read_recipe(Path(vtacli.__file__).parent / "recipes" / f"{name}.toml")
    assert recipe.name == name
    # Whole latent steps, or a coded mel would not be as long as the true one.
    assert recipe.vocoder.excerpt_samples % 1280 == 0
    assert recipe.codec.excerpt_samples % 1280 == 0


def test_a_rehearsal_shortens_every_stage_and_leaves_out_what_was_left_out():
    recipe = read_recipe(Path(vtacli.__file__).parent / "recipes" / "vta-mini.toml")
    assert recipe.shortened(1.0) == recipe
    tenth = recipe.shortened(0.1)
    for stage in ("codec", "decoder", "texture", "vocoder", "attacks", "denoiser"):
        whole, part = getattr(recipe, stage).schedule, getattr(tenth, stage).schedule
        assert part == replace(whole, steps=round(whole.steps / 10)), stage
    assert tenth.vocoder.tone_steps == recipe.vocoder.tone_steps // 10
    assert tenth.windows.count == recipe.windows.count // 10
    assert tenth.few_steps.schedule.steps == 0
    assert recipe.shortened(1e-9).denoiser.schedule.steps == 1


@pytest.mark.parametrize("share", ["0", "1.5", "nan"])
def test_a_share_of_the_steps_is_a_share(share, capsys):
    assert main(["train", "vta-mini", "--steps-share", share]) == 2
    assert "--steps-share must be above 0 and at most 1" in capsys.readouterr().err


def test_a_share_says_nothing_to_recipes_that_learn_from_films(capsys):
    assert main(["train", "smoke-base", "--steps-share", "0.5"]) == 2
    assert "--steps-share says nothing to this recipe" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[codec]\nbatchs = 3\n", "batchs"),
        ("[codek]\n", "codek"),
        ("[codec]\nschedule = { step = 3 }\n", "step"),
        ("name = ", "is not a recipe"),
        ("[codec]\n", "schedule"),
    ],
)
def test_a_bad_recipe_is_refused_by_name(tmp_path, text, says):
    file = tmp_path / "bad.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=says) as caught:
        read_recipe(file)
    assert caught.value.path == file
