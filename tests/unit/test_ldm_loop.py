"""The training loop: resumable to the bit, complete in what it trains, and able to learn."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
import torch
from tiny_ldm import clips, course, smoke

from vtacli.errors import ConfigError
from vtacli.training.ldm.journal import read_log
from vtacli.training.ldm.loop import Course
from vtacli.training.ldm.module import trainable_names, trainable_parameters
from vtacli.training.ldm.recipe import DataPart, WatchPart
from vtacli.training.ldm.validate import Validation

QUIET = WatchPart(log_every=1, save_every=0, validate_every=0, listen_every=0)


def recipe(steps=4, accumulate=2):
    made = smoke("text", steps=steps, batch=2, accumulate=accumulate, learning_rate=3e-3, ema=0.7)
    data = DataPart(
        modes={"both": 1.0}, drop=0.3, drop_picture=0.3, drop_words=0.3, concatenate=0.4
    )
    return replace(made, watch=QUIET, data=data, seed=2)


def weights(done: Course) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in done.module.state_dict().items()}


def same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


class Cut(Exception):
    """What a signal does to a run."""


def test_a_run_that_was_cut_and_gone_on_with_makes_the_same_bits(tmp_path):
    """With accumulation, averaging, joined clips, and all three kinds of dropout."""
    examples = clips(4, words=16)
    whole = course(tmp_path / "whole", recipe(), examples)
    whole.run()

    cut = course(tmp_path / "cut", recipe(), examples)

    def stop(event):
        if event.done == 2:
            raise Cut

    cut.report = stop
    with pytest.raises(Cut):
        cut.run()
    again = course(tmp_path / "cut", recipe(), examples)
    assert again.run()["step"] == 4
    assert same(weights(whole), weights(again))
    rows = [(r["step"], r["loss"]) for r in read_log(tmp_path / "cut")]
    assert rows == [(r["step"], r["loss"]) for r in read_log(tmp_path / "whole")]
    assert [step for step, _ in rows] == [1, 2, 3, 4]


def test_the_optimizer_gets_all_and_only_what_asks_for_a_gradient(tmp_path):
    """The projection included, which the published trainer forgot; the towers left as they are."""
    training = course(tmp_path, recipe(steps=2), clips(4, words=16))
    names = trainable_names(training.module)
    held = dict(training.module.named_parameters())
    assert [held[n] for n in names] == trainable_parameters(training.module)
    assert {n for n in held if held[n].requires_grad} == set(names)
    assert {n for n in held if n.startswith("unet.")} < set(names)
    assert "encoder.projection.weight" in names
    frozen = {n for n in held if n.startswith(("encoder.frames.", "encoder.words."))}
    assert frozen
    assert not frozen & set(names)

    before = {n: p.detach().clone() for n, p in held.items()}
    training.run()
    changed = {n for n, p in held.items() if not torch.equal(p, before[n])}
    assert changed == set(names)
    state = torch.load(next((tmp_path / "state").glob("*.pt")), weights_only=True)
    assert set(state["model"]) == set(names)
    groups = state["optimizer"]["param_groups"]
    assert sum(len(g["params"]) for g in groups) == len(names)


def test_the_loss_falls_on_a_few_clips_learned_by_heart(tmp_path):
    made = replace(
        smoke("base", steps=80, batch=4, accumulate=1, learning_rate=5e-3, warmup=5, ema=0.8),
        watch=QUIET,
        data=DataPart(drop=0.0),
    )
    examples = clips(4)
    training = course(tmp_path, made, examples)
    latents = training.samples.latents
    check = Validation(examples, latents, 0, (200, 500, 800), 4, {"picture": 1.0}, 16)
    before = check.errors(training.module, training.scheduler, torch.device("cpu"))
    training.run()
    after = check.errors(training.module, training.scheduler, torch.device("cpu"))
    assert torch.all(after < 0.9 * before), after / before
    assert after.sum() < 0.6 * before.sum()


def test_a_state_is_not_gone_on_with_for_another_recipe(tmp_path):
    course(tmp_path, recipe(steps=1), clips(4, words=16)).run()
    other = replace(recipe(steps=1), data=DataPart(modes={"words": 1.0}))
    with pytest.raises(ConfigError, match="another recipe"):
        course(tmp_path, other, clips(4, words=16)).run()
    with pytest.raises(ConfigError, match="another number of samples"):
        course(tmp_path, recipe(steps=1, accumulate=3), clips(4, words=16)).run()
    # What is only watched may change.
    watched = replace(recipe(steps=1), watch=replace(QUIET, log_every=7), name="other")
    assert course(tmp_path, watched, clips(4, words=16)).run()["finished"]


def test_only_the_newest_states_are_kept_and_none_is_half_written(tmp_path):
    made = replace(recipe(steps=4), watch=replace(QUIET, save_every=1, keep=2))
    course(tmp_path, made, clips(4, words=16)).run()
    assert sorted(p.name for p in (tmp_path / "state").iterdir()) == [
        "step-00000003.pt",
        "step-00000004.pt",
    ]


def test_accumulated_pieces_are_one_larger_batch(tmp_path):
    """The same samples a step, in one piece or in four: the same weights but for rounding."""
    examples = clips(4, words=16)
    made = []
    for name, batch, accumulate in (("one", 4, 1), ("four", 1, 4)):
        r = recipe(steps=2)
        r = replace(r, optimizer=replace(r.optimizer, batch=batch, accumulate=accumulate))
        training = course(tmp_path / name, r, examples)
        training.run()
        made.append(weights(training))
    for name, value in made[0].items():
        assert torch.allclose(value, made[1][name], atol=2e-5), name


def test_the_log_is_json_lines_and_goes_on_where_it_was(tmp_path):
    made = replace(recipe(steps=3), watch=replace(QUIET, log_every=1))
    course(tmp_path, made, clips(4, words=16)).run()
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3]
    assert {"loss", "learning_rate", "gradient_norm", "samples_per_s"} <= set(json.loads(lines[0]))
