"""``vta train`` for the vta-ldm family: every small recipe, from films to a film with sound."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch
from commands import environment, vta
from safetensors.torch import load_file

from vtacli.cli.main import main
from vtacli.training.ldm.find import SHIPPED
from vtacli.training.ldm.practice import practice_films
from vtacli.training.ldm.recipe import WatchPart, read_ldm_recipe
from vtacli.training.ldm.run import Asked, train_recipe

QUICK = ("smoke-base", "smoke-flow", "smoke-pretrain-text-concat")
SMOKE = [
    pytest.param(name, marks=() if name in QUICK else pytest.mark.slow)
    for name in sorted(p.stem for p in SHIPPED.glob("smoke-*.toml"))
]
UNET = "unet/diffusion_pytorch_model.safetensors"


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("films")
    practice_films(folder, 4, seed=1)
    return folder


def trained(name: str, films: Path, out: Path, **asked) -> dict:
    recipe = read_ldm_recipe(SHIPPED / f"{name}.toml")
    quiet = replace(recipe, watch=WatchPart(log_every=1, save_every=2, listen_every=0))
    return train_recipe(quiet, Asked(out, data=films, device="cpu", **asked))


@pytest.mark.parametrize("name", SMOKE)
def test_every_small_recipe_makes_a_model_that_generates(name, films, tmp_path, capsys):
    out, film = tmp_path / "model", next(iter(sorted(films.glob("*.mp4"))))
    code = main(
        ["train", name, "--data", str(films), "--out", str(out), "--device", "cpu", "--json", "-q"]
    )
    said = capsys.readouterr()
    assert code == 0, said.err
    facts = json.loads(said.out)
    assert (facts["step"], facts["finished"]) == (4, True)
    assert facts["samples_a_step"] == 4
    assert (out / "loss.svg").read_text().startswith("<svg")
    assert len((out / "log.jsonl").read_text().splitlines()) >= 4
    (sample,) = (out / "samples").rglob("*.wav")
    assert sample.with_suffix(".png").read_bytes().startswith(b"\x89PNG")
    assert soundfile.info(sample).frames == 163_840

    dubbed = tmp_path / "dubbed.mp4"
    how = ["--steps", "2", "--device", "cpu", "-q"]
    code = main(["generate", str(film), "-o", str(dubbed), "--model", str(out), *how])
    assert code == 0, capsys.readouterr().err
    assert dubbed.stat().st_size > 10_000


@pytest.mark.slow
def test_a_person_trains_without_any_data_and_the_second_call_goes_on(tmp_path):
    """In a process of its own: films, autoencoder, training, a stop half-way, and the rest."""
    recipe = tmp_path / "mine.toml"
    text = (SHIPPED / "smoke-base.toml").read_text()
    recipe.write_text(text.replace("practice = 4", "practice = 3"))
    first = vta("train", recipe, "--out", "run", "--minutes", "1e-6", "--json", cwd=tmp_path)
    assert first.code == 0, first.err
    assert first.answer["finished"] is False
    second = vta("train", recipe, "--out", "run", cwd=tmp_path)
    assert second.code == 0, second.err
    assert "step 4, " in second.out
    assert "vta generate FILM --model run" in second.out


@pytest.mark.slow
def test_two_processes_make_what_one_makes_with_twice_the_accumulation(films, tmp_path):
    """Over gloo. Sums are taken in another order, so the last bits may differ: 1e-6 of weights
    of about 0.1 after four steps of AdamW."""
    out = tmp_path / "two"
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    what = ["-m", "vtacli", "train", "smoke-base", "--data", films, "--out", out]
    done = subprocess.run(
        [*launch, *what, "--device", "cpu", "--json", "-q"],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    facts = json.loads(done.stdout)
    assert (facts["processes"], facts["samples_a_step"]) == (2, 8)

    recipe = read_ldm_recipe(SHIPPED / "smoke-base.toml")
    twice = replace(recipe, optimizer=replace(recipe.optimizer, accumulate=4))
    alone = train_recipe(twice, Asked(tmp_path / "one", data=films, device="cpu"))
    assert alone["samples_a_step"] == 8
    for part in (UNET, "encoder/diffusion_pytorch_model.safetensors"):
        a, b = load_file(out / part), load_file(tmp_path / "one" / part)
        assert a.keys() == b.keys()
        for name, value in a.items():
            assert torch.allclose(value, b[name], atol=1e-6, rtol=0), name
    assert abs(facts["validation"] - alone["validation"]) < 1e-4


def test_a_finished_model_is_fine_tuned_by_low_rank_changes(films, tmp_path, capsys):
    start, out = tmp_path / "start", tmp_path / "mine"
    trained("smoke-base", films, start)
    recipe = tmp_path / "lora.toml"
    text = (SHIPPED / "lora.toml").read_text()
    text = text.replace("steps = 1000", "steps = 3").replace("rank = 16", "rank = 2")
    recipe.write_text(text.replace("listen_every = 250", "listen_every = 0"))
    arguments = ["train", recipe, "--start", start, "--data", films, "--out", out, "-q"]
    assert main([str(a) for a in [*arguments, "--device", "cpu", "--json"]]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["trainable_parameters"] < facts["parameters"] / 10
    before, after = load_file(start / UNET), load_file(out / UNET)
    assert before.keys() == after.keys()
    changed = {n for n in before if not torch.equal(before[n], after[n])}
    assert changed
    assert all(
        n.endswith(("to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight"))
        for n in changed
    )
    assert (out / "lora" / "adapters.safetensors").is_file()


def test_flags_of_the_other_kind_are_refused(tmp_path, capsys):
    assert main(["train", "smoke-base", "--sounds", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "--sounds says nothing to this recipe" in capsys.readouterr().err
    assert main(["train", "smoke", "--data", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "--data says nothing to this recipe" in capsys.readouterr().err


def test_clips_of_another_encoder_are_refused(films, tmp_path, capsys):
    trained("smoke-base", films, tmp_path / "first")
    (prepared,) = (tmp_path / "first" / "cache").glob("prepared-*")
    other = tmp_path / "other.toml"
    text = (SHIPPED / "smoke-base.toml").read_text()
    other.write_text(text.replace("seed = 1", "seed = 2"))
    code = main(["train", str(other), "--data", str(prepared), "--out", str(tmp_path / "x"), "-q"])
    assert code == 2
    assert "prepared otherwise than the recipe wants: their weights is" in capsys.readouterr().err


def test_a_tracker_gets_what_the_log_gets(films, tmp_path):
    recipe = read_ldm_recipe(SHIPPED / "smoke-base.toml")
    watch = replace(recipe.watch, trackers=("tensorboard",), listen_every=0)
    train_recipe(replace(recipe, watch=watch), Asked(tmp_path, data=films, device="cpu"))
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = next((tmp_path / "logs").rglob("events.out.tfevents*")).parent
    read = EventAccumulator(str(events)).Reload()
    assert [e.step for e in read.Scalars("loss")] == [1, 2, 3, 4]
    assert {"validation", "learning_rate", "gradient_norm"} <= set(read.Tags()["scalars"])
