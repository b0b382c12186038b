"""The pipeline's laws, on the reference weights."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import diffusers
import pytest
import torch
from published_model import imported, opened, window

from vtacli.errors import ConfigError
from vtacli.model import samplers
from vtacli.model.condition import Condition
from vtacli.model.pipeline import VtaPipeline

QUICK = {"num_inference_steps": 2, "guidance_scale": 1.0}
GUIDED = {"num_inference_steps": 1, "guidance_scale": 3.0}


@pytest.fixture
def base() -> VtaPipeline:
    return opened(imported("base"))


@pytest.fixture
def text() -> VtaPipeline:
    return opened(imported("text"))


@contextmanager
def calls_counted(module: torch.nn.Module) -> Iterator[list[int]]:
    """The number of rows of every call of a module, meanwhile."""
    rows: list[int] = []
    hook = module.register_forward_pre_hook(lambda module, args: rows.append(len(args[0])))
    try:
        yield rows
    finally:
        hook.remove()


def test_saved_and_opened_again_it_is_the_same(base, tmp_path):
    before = base([window(0)], **QUICK)
    base.save_pretrained(tmp_path / "saved")
    again = opened(tmp_path / "saved")
    assert again.facts.name == "vta-ldm-base"
    assert again.scheduler.config == base.scheduler.config
    assert list(again.components) == list(base.components)
    for name, component in base.components.items():
        if name != "scheduler":
            ours, theirs = component.state_dict(), again.components[name].state_dict()
            assert ours.keys() == theirs.keys()
            assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    # The last bits depend on where in memory the weights lie, which is the file's affair.
    after = again([window(0)], **QUICK)
    assert torch.allclose(before.audios, after.audios, atol=1e-5)


def test_the_tokenizer_travels_with_the_encoder(text, tmp_path):
    said = window(0, prompt="rain on a tin roof")
    before = text.encoder.condition([said])
    text.save_pretrained(tmp_path / "saved")
    after = opened(tmp_path / "saved").encoder.condition([said])
    assert torch.equal(before.tokens, after.tokens)


def test_a_window_sounds_the_same_in_any_batch(base):
    windows = [window(0, 3), window(1, 5), window(2, 2)]
    settings = {"num_inference_steps": 1, "guidance_scale": 3.0}
    together = base(windows, **settings)
    pair = base(windows[:2], **settings)
    alone = [base([w], **settings) for w in windows]
    assert together.audios.shape == (3, 1, 163_840)
    for i, single in enumerate(alone):
        assert torch.equal(together.audios[i], single.audios[0])
    assert torch.equal(together.audios[:2], pair.audios)
    assert not torch.equal(together.audios[0], together.audios[1])


def test_one_batch_agrees_with_one_at_a_time(base):
    """What an accelerator does, within rounding: padding and neighbours change nothing."""
    windows = [window(0, 3), window(1, 5)]
    settings = {"num_inference_steps": 2, "guidance_scale": 3.0}
    with calls_counted(base.unet) as rows:
        batch = base(windows, one_at_a_time=False, **settings)
    assert rows == [4, 4]
    alone = base(windows, **settings)
    assert torch.allclose(batch.latents, alone.latents, atol=1e-4)
    assert torch.allclose(batch.audios, alone.audios, atol=1e-3)


@pytest.mark.parametrize(
    ("guidance", "expected"), [(0.5, [1, 1, 1]), (1.0, [1, 1, 1]), (3.0, [2, 2, 2])]
)
def test_the_denoiser_runs_once_a_step(base, guidance, expected):
    with calls_counted(base.unet) as rows:
        base([window(0, 1)], num_inference_steps=3, guidance_scale=guidance)
    assert rows == expected


@pytest.mark.parametrize("name", samplers.SAMPLERS)
def test_every_sampler_gives_finite_sound(base, name):
    base.scheduler = samplers.build(name, base.scheduler.config)
    sound = base([window(0, 1)], **QUICK).audios
    assert torch.isfinite(sound).all()
    assert sound.abs().max() > 0


def test_any_diffusers_scheduler_can_be_set(base):
    base.scheduler = diffusers.DPMSolverSinglestepScheduler.from_config(base.scheduler.config)
    assert torch.isfinite(base([window(0, 1)], **QUICK).audios).all()


def test_ancestral_noise_comes_from_the_windows_own_key(base):
    base.scheduler = samplers.build("ddpm", base.scheduler.config)
    first, second = (base([window(0, 1), window(1, 1)], **QUICK) for _ in range(2))
    assert torch.equal(first.latents, second.latents)
    alone = base([window(1, 1)], **QUICK)
    assert torch.equal(first.latents[1], alone.latents[0])
    other = replace(window(1, 1), key=replace(window(1, 1).key, seed=8))
    assert not torch.equal(base([other], **QUICK).latents, alone.latents)


def test_generator_latents_and_conditions_can_be_given(base):
    content = window(0, 2)
    asked = base.encoder.condition([content])
    noise = torch.randn(
        (8, 256, 16), generator=torch.Generator().manual_seed(content.key.seed_64())
    )
    expected = base([content], **GUIDED).latents
    by_latents = base(asked, latents=noise[None], **GUIDED)
    assert torch.equal(by_latents.latents, expected)
    seeded = torch.Generator().manual_seed(content.key.seed_64())
    by_generator = base(asked, generator=seeded, **GUIDED)
    assert torch.equal(by_generator.latents, expected)
    nothing = base.encoder.uncondition(None, asked)
    told = base(asked, negative=nothing, latents=noise[None], **GUIDED)
    assert torch.equal(told.latents, expected)


def test_the_callback_sees_every_step_and_may_change_latents(base):
    seen = []

    def silence(pipe: VtaPipeline, step: int, timestep: torch.Tensor, tensors: dict) -> dict:
        seen.append((step, int(timestep)))
        return {"latents": torch.zeros_like(tensors["latents"])} if step == 1 else {}

    result = base([window(0, 1)], callback_on_step_end=silence, **QUICK)
    assert [step for step, _ in seen] == [0, 1]
    assert seen[0][1] > seen[1][1]
    assert torch.equal(result.latents, torch.zeros_like(result.latents))


def test_wrong_numbers_of_things_are_refused(base):
    with pytest.raises(ValueError, match="no windows"):
        base([])
    with pytest.raises(ValueError, match="generators"):
        base([window(0, 1)], generator=[torch.Generator(), torch.Generator()])
    with pytest.raises(ValueError, match="latents"):
        base([window(0, 1)], latents=torch.zeros(1, 8, 256, 15))


def test_words_change_the_sound_of_a_model_that_takes_them(text):
    plain = text([window(0, 1)], **QUICK).latents
    said = text([window(0, 1, prompt="rain on a tin roof")], **QUICK).latents
    assert not torch.equal(plain, said)
    towards = text([window(0, 1, prompt="rain")], **GUIDED).latents
    away = text([window(0, 1, prompt="rain", negative="a dog barks")], **GUIDED).latents
    assert not torch.equal(towards, away)


def test_words_are_refused_by_a_model_of_pictures(base):
    with pytest.raises(ConfigError, match="takes no words"):
        base([window(0, 1, prompt="rain")], **QUICK)
    with pytest.raises(ConfigError, match="takes no words"):
        base([window(0, 1, negative="rain")], **GUIDED)


class Scripted(torch.nn.Module):
    """A denoiser that answers with the sum of its tokens and of its control curve, so that what
    guidance makes of the branches can be worked out by hand."""

    dtype, device = torch.float32, torch.device("cpu")

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[int] = []

    def forward(self, sample, timestep, encoder_hidden_states, encoder_attention_mask, control):
        self.rows.append(len(sample))
        said = encoder_hidden_states.sum((1, 2)) + 10 * control.sum((1, 2))
        return type("Answer", (), {"sample": torch.ones_like(sample) * said[:, None, None, None]})


def test_words_and_curve_are_guided_each_by_its_own_scale(base):
    base.unet = Scripted()
    base.scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    asked = Condition(torch.ones(1, 1, 1), torch.ones(1, 1, dtype=torch.bool), torch.ones(1, 1, 1))
    noise = torch.zeros(1, 8, 256, 16)

    def velocity(g_w: float, g_c: float | None) -> float:
        result = base(
            asked,
            negative=Condition(torch.zeros(1, 1, 1), asked.mask),
            latents=noise,
            num_inference_steps=1,
            guidance_scale=g_w,
            control_scale=g_c,
        )
        return -float(result.latents[0, 0, 0, 0])  # one Euler step from 0 with sigma 1 to 0

    assert velocity(3.0, 5.0) == pytest.approx(3 * 1 + 5 * 10)
    assert velocity(3.0, None) == pytest.approx(3 * 11)
    assert velocity(1.0, 1.0) == pytest.approx(11)
    assert base.unet.rows == [3, 2, 1]
    with pytest.raises(ValueError, match="one scale between them"):
        base(asked, motion_scale=2.0, hits_scale=3.0)


def test_a_scale_of_nought_leaves_the_picture_out(base):
    """Whatever is shown, what comes out is what comes of nothing."""
    shown = [base([window(i, 1)], num_inference_steps=1, guidance_scale=0.0) for i in (0, 1)]
    assert not torch.equal(shown[0].latents, shown[1].latents)  # other noise
    noise = torch.zeros(1, 8, 256, 16)
    for i in (0, 1):
        shown[i] = base([window(i, 1)], num_inference_steps=1, guidance_scale=0.0, latents=noise)
    assert torch.equal(shown[0].latents, shown[1].latents)


def test_offloaded_components_come_and_go_and_the_sound_is_the_same(base):
    """The hooks of CPU offload, with the CPU as the device: what is checked is that every method
    that the pipeline calls brings its component along."""
    before = base([window(0, 1)], **GUIDED).audios
    base.enable_model_cpu_offload(device="cpu")
    brought = []
    for name in ("encoder", "unet", "vae", "vocoder"):
        hook = base.components[name]._hf_hook

        def noted(module, *args, hook=hook, name=name, real=hook.pre_forward, **kwargs):
            brought.append(name)
            return real(module, *args, **kwargs)

        hook.pre_forward = noted
    after = base([window(0, 1)], **GUIDED).audios
    assert [n for i, n in enumerate(brought) if n not in brought[:i]] == [
        "encoder",
        "unet",
        "vae",
        "vocoder",
    ]
    assert torch.equal(before, after)


def test_a_change_of_precision_reaches_every_component(base):
    base.to(torch.bfloat16)
    result = base([window(0, 1)], **QUICK)
    assert result.audios.dtype == torch.float32
    assert torch.isfinite(result.audios).all()
