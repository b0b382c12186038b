"""Samplers by name. The reference is a denoiser that knows the answer: whatever the integration,
where the data is one point it must end there."""

import subprocess
import sys

import diffusers
import pytest
import torch

from vtacli.errors import ConfigError
from vtacli.model import samplers
from vtacli.model.published import fact
from vtacli.model.samplers import SAMPLERS, build, is_flow, sampler

DIFFUSION = fact("stable-diffusion-2-1-scheduler")
FLOW = diffusers.FlowMatchEulerDiscreteScheduler(shift=2.0).config
POINT = torch.linspace(-1, 1, 64).reshape(1, 1, 64, 1)


def integrate(scheduler, velocity, steps: int) -> torch.Tensor:
    scheduler.set_timesteps(steps)
    generator = torch.Generator().manual_seed(0)
    sample = torch.randn(POINT.shape, generator=generator)
    sample = sample * getattr(scheduler, "init_noise_sigma", 1.0)
    for timestep in scheduler.timesteps:
        scaled = sample
        if hasattr(scheduler, "scale_model_input"):
            scaled = scheduler.scale_model_input(sample, timestep)
        sample = scheduler.step(velocity(scaled, timestep), timestep, sample).prev_sample
    return sample


@pytest.mark.parametrize("name", SAMPLERS)
def test_diffusion_samplers_end_at_the_only_point_there_is(name):
    scheduler = build(name, DIFFUSION)
    kept = diffusers.DDPMScheduler.from_config(DIFFUSION).alphas_cumprod

    def velocity(sample, timestep):
        position = float(timestep)
        lower = int(position)
        upper = min(lower + 1, len(kept) - 1)
        alpha = torch.lerp(kept[lower], kept[upper], position - lower)
        noise = (sample - alpha.sqrt() * POINT) / (1 - alpha).sqrt()
        return alpha.sqrt() * noise - (1 - alpha).sqrt() * POINT

    end = integrate(scheduler, velocity, sampler(name).steps or 25)
    # Stable Diffusion 2.1's schedule stops a little short of clean: alpha is 0.9992 at step 0.
    assert (end - POINT).abs().mean() < 0.06


@pytest.mark.parametrize("name", [s.name for s in SAMPLERS.values() if s.flow])
def test_flow_samplers_end_at_the_only_point_there_is(name):
    scheduler = build(name, FLOW)

    def velocity(sample, timestep):
        return (sample - POINT) / (float(timestep) / 1000)

    end = integrate(scheduler, velocity, 20)
    assert torch.allclose(end, POINT, atol=1e-2)


@pytest.mark.parametrize("name", [s.name for s in SAMPLERS.values() if s.flow])
def test_the_shift_survives_a_change_of_sampler(name):
    once = build(name, FLOW)
    assert is_flow(once.config)
    again = build("unipc", once.config)
    assert again.config.flow_shift == 2.0


@pytest.mark.parametrize("name", SAMPLERS)
def test_the_noise_schedule_survives_a_change_of_sampler(name):
    once = build(name, DIFFUSION)
    assert once.config.prediction_type == "v_prediction"
    back = build("ddpm", once.config)
    published = diffusers.DDPMScheduler.from_config(DIFFUSION)
    assert torch.equal(back.alphas_cumprod, published.alphas_cumprod)
    back.set_timesteps(300)
    published.set_timesteps(300)
    assert torch.equal(back.timesteps, published.timesteps)


def test_only_ddpm_is_ancestral_and_takes_300_steps():
    assert [s.name for s in SAMPLERS.values() if s.ancestral] == ["ddpm"]
    assert sampler("ddpm").steps == 300


@pytest.mark.parametrize(("typed", "meant"), [("dpm+2m", "dpm++2m"), ("Eular", "euler")])
def test_an_unknown_name_says_what_was_meant(typed, meant):
    with pytest.raises(ConfigError, match=f"Did you mean {meant.replace('+', '[+]')}"):
        sampler(typed)


@pytest.mark.parametrize("name", [s.name for s in SAMPLERS.values() if not s.flow])
def test_a_diffusion_sampler_is_refused_for_a_flow(name):
    with pytest.raises(ConfigError, match="rectified flow"):
        build(name, FLOW)


def test_names_are_known_without_torch():
    code = "import sys, vtacli.model.samplers, vtacli.model.describe; print('torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "False"


def test_every_row_names_a_scheduler_that_exists():
    for row in samplers.SAMPLERS.values():
        for name in filter(None, (row.diffusion, row.flow)):
            assert hasattr(diffusers, name)
