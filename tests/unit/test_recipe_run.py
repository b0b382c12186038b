"""The whole recipe at toy widths: every stage runs, resumes, and its model makes sound."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from toy_sounds import make_toy_sounds

from vtacli.errors import ConfigError
from vtacli.model.contract import NoiseKey, Sampling, WindowContent
from vtacli.model.loading import load_model
from vtacli.model.mini.few_steps import FewSteps
from vtacli.signal.media import Curve, Frames
from vtacli.training.run import train
from vtacli.training.ship import main as ship_from_the_command_line
from vtacli.training.ship import ship


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("train")
    out = folder / "run"
    train(Path("smoke"), sounds=make_toy_sounds(folder / "sounds"), out=out, device="cpu")
    return out


def window(**extra) -> WindowContent:
    frames = Frames(np.zeros((2, 3, 224, 224), np.uint8), np.array([0.0, 0.5]))
    return WindowContent(frames, 10.24, NoiseKey(1, 0, 0), **extra)


def test_facts_say_what_each_stage_cost_and_gave(trained):
    facts = json.loads((trained / "facts.json").read_text())
    assert set(facts["stages"]) == {
        "codec",
        "decoder",
        "texture",
        "vocoder",
        "attacks",
        "bank",
        "windows",
        "denoiser",
        "few_steps",
    }
    for stage in ("codec", "decoder", "texture", "vocoder", "attacks", "denoiser", "few_steps"):
        row = facts["stages"][stage]
        assert row["finished"]
        assert row["steps"] == 6
        assert row["seconds"] > 0
        assert row["scores"]


def test_the_distilled_denoiser_is_trained_and_made_for_its_steps(trained):
    few = FewSteps.of(trained / "unet")
    assert few.steps == 2
    assert any(float((up @ down).abs().max()) > 0 for down, up in few.changes.values())
    model = load_model(trained, device="cpu")
    draft = model.generate([window(prompt="bell")], Sampling(quality="draft"))[0]
    normal = model.generate([window(prompt="bell")], Sampling(steps=2))[0]
    assert np.isfinite(draft.data).all()
    assert not np.array_equal(draft.data, normal.data)


def test_the_model_makes_a_window_of_sound(trained):
    model = load_model(trained, device="cpu")
    times = np.arange(0, 10.24, 0.04)
    motion = Curve(times, np.random.default_rng(0).random((len(times), 2)).astype(np.float32))
    asked = window(prompt="wood hit", motion=motion, hits=((1.0, 1.0),), negative="rain")
    sound = model.generate([asked], Sampling(steps=2))[0]
    assert sound.data.shape == (1, 163_840)
    assert np.isfinite(sound.data).all()
    again = model.generate([asked], Sampling(steps=2))[0]
    assert np.array_equal(sound.data, again.data)


def test_running_again_does_nothing_more(trained):
    before = (trained / "unet" / "diffusion_pytorch_model.safetensors").read_bytes()
    train(
        Path("smoke"),
        sounds=trained.parent / "sounds",
        out=trained,
        device="cpu",
        stages=["denoiser"],
    )
    assert (trained / "unet" / "diffusion_pytorch_model.safetensors").read_bytes() == before


def test_a_bank_is_made_anew_for_other_latents_alone(trained, tmp_path):
    out = shutil.copytree(trained, tmp_path / "run")
    sounds, bank = trained.parent / "sounds", out / "encoder" / "bank.safetensors"

    def again() -> int:
        train(Path("smoke"), sounds=sounds, out=out, device="cpu", stages=["bank"])
        return bank.stat().st_mtime_ns

    made = bank.stat().st_mtime_ns
    assert again() == made
    file = out / "vae" / "diffusion_pytorch_model.safetensors"
    weights = load_file(file)
    weights["latent_mean"] += 1
    save_file(weights, file)
    anew = again()
    assert anew != made
    assert again() == anew
    bank.unlink()
    assert again() != anew


def test_shipping_halves_the_weights_and_keeps_the_sound(trained, tmp_path):
    shipped = tmp_path / "shipped"
    ship_from_the_command_line([str(trained), str(shipped)])
    size = {
        f: (f / "unet" / "diffusion_pytorch_model.safetensors").stat().st_size
        for f in (trained, shipped)
    }
    assert size[shipped] < 0.6 * size[trained]
    assert not (shipped / "state").exists()
    assert not [c for c in shipped.rglob("*.json") if "_name_or_path" in c.read_text()]
    a, b = (
        load_model(f, device="cpu").generate([window(prompt="bell")], Sampling(steps=2))[0].data
        for f in (trained, shipped)
    )
    assert np.abs(a - b).max() < 0.05 * max(1e-3, float(np.abs(a).max()))
    assert json.loads((shipped / "facts.json").read_text())["stages"]


def test_without_state_it_goes_on_from_the_weights(trained, tmp_path):
    shipped = ship(trained, tmp_path / "more")
    facts = train(
        Path("smoke"),
        sounds=trained.parent / "sounds",
        out=shipped,
        device="cpu",
        stages=["vocoder"],
    )
    assert facts["stages"]["vocoder"]["steps"] == 6
    before = json.loads((trained / "facts.json").read_text())["stages"]["vocoder"]["seconds"]
    assert facts["stages"]["vocoder"]["seconds"] >= before > 0
    state = torch.load(shipped / "state" / "vocoder.pt", weights_only=True)
    assert state["step"] == 6


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"recipe": Path("vta-maxi")}, "vta-mini"),
        ({"sounds": None}, "--sounds"),
        ({"stages": ["encoder"]}, "encoder"),
        ({"sounds": Path("nowhere")}, "manifest"),
    ],
)
def test_what_cannot_be_trained_is_said_at_once(tmp_path, change, says):
    arguments = {"recipe": Path("smoke"), "sounds": tmp_path, "out": tmp_path / "o", **change}
    with pytest.raises(ConfigError, match=says):
        train(arguments.pop("recipe"), device="cpu", **arguments)
