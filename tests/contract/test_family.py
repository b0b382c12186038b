"""A folder of any variant of the family opens and makes sound, at toy widths."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from family import MADE_OF, write_model
from published_model import imported, opened
from tiny_encoders import pictures

from vtacli.errors import ConfigError
from vtacli.model.assembled import Assembled
from vtacli.model.contract import NoiseKey, Sampling, WindowContent
from vtacli.model.controlled import ControlledUNet
from vtacli.model.encoders.spec import SPECS
from vtacli.model.loading import load_model
from vtacli.model.variants import VARIANTS

QUICK = Sampling(steps=1, guidance=1.0)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def window(variant, seconds=1.0, seed=0, **asked):
    facts = VARIANTS[variant]
    rate = float(facts.frames_per_second)
    frames = pictures(max(1, round(seconds * rate)), facts.frame_size_px, rate, seed)
    return WindowContent(frames, seconds, NoiseKey(5, 0, 0), **asked)


def test_every_variant_of_the_family_is_here():
    assert set(MADE_OF) == {name for name in VARIANTS if name.startswith("vta-ldm-")}


@pytest.mark.parametrize("variant", MADE_OF)
def test_a_saved_model_opens_and_sounds(variant, tmp_path):
    model = load_model(write_model(variant, tmp_path / "model"), device="cpu")
    facts, encoder = VARIANTS[variant], model.pipeline.encoder
    assert isinstance(encoder, Assembled)
    assert encoder.frame_size_px == facts.frame_size_px
    assert encoder.frames_per_second == facts.frames_per_second
    assert encoder.takes_text == facts.takes_text
    assert encoder.sees_order == facts.sees_order
    sound = model.generate([window(variant)], QUICK)[0]
    assert sound.data.shape == (1, 163_840)
    assert np.isfinite(sound.data).all()
    with torch.no_grad():
        shown, again, other = (encoder.condition([window(variant, seed=n)]) for n in (0, 0, 1))
    assert torch.equal(shown.tokens, again.tokens)
    assert not torch.allclose(shown.tokens, other.tokens, atol=1e-4)  # it heeds the picture


def test_words_are_heard_and_led_away_from(tmp_path):
    variant = "vta-ldm-text-concat"
    model = load_model(write_model(variant, tmp_path / "model"), device="cpu")
    guided = Sampling(steps=1, guidance=3.0)
    asked = ({}, {"prompt": "rain"}, {"prompt": "rain", "negative": "dog"})
    plain, said, away = (model.generate([window(variant, **a)], guided)[0].data for a in asked)
    assert not np.array_equal(plain, said)
    assert not np.array_equal(said, away)


def test_words_are_refused_by_the_deaf(tmp_path):
    model = load_model(write_model("vta-ldm-cavp", tmp_path / "model"), device="cpu")
    with pytest.raises(ConfigError, match="takes no words"):
        model.generate([window("vta-ldm-cavp", prompt="rain")], QUICK)


def test_guidance_leads_away_from_a_still_control(tmp_path):
    """With two branches the control of the other is zeros; a window sounds the same in a batch."""
    pipe = load_model(write_model("vta-ldm-flow", tmp_path / "model"), device="cpu").pipeline
    second = replace(window("vta-ldm-flow", 2.0, 1), key=NoiseKey(5, 0, 1))
    windows = [window("vta-ldm-flow"), second]
    settings = {"num_inference_steps": 1, "guidance_scale": 3.0}
    seen = []
    pipe.unet.register_forward_pre_hook(
        lambda module, args, named: seen.append(named["control"]), with_kwargs=True
    )
    pipe.decode = lambda latents: (torch.zeros(1, 1, 1), torch.zeros(1, 1, 1, 1))
    both = pipe(windows, **settings).latents
    assert not seen[0][0].any()
    assert seen[0][1].any()
    assert torch.equal(both[:1], pipe(windows[:1], **settings).latents)


def test_variants_sample_what_their_encoders_see():
    for name, (encoder, _, _) in MADE_OF.items():
        facts, spec = VARIANTS[name], SPECS[encoder]
        assert facts.frame_size_px == spec.frame_size_px
        assert facts.frames_per_second >= spec.frames_per_second
        if "NC" in spec.licence:
            assert spec.licence in facts.licence
        assert "CC-BY-NC-SA-4.0" in facts.licence  # of the first stage


def test_a_widened_denoiser_is_the_plain_one_until_it_is_trained():
    plain = opened(imported("base")).unet.eval()
    wide = ControlledUNet.widened(plain, 3).eval()
    assert wide.control_channels == 3
    assert wide.config.in_channels == plain.config.in_channels + 3
    torch.manual_seed(2)
    sample, tokens = torch.randn(2, 8, 16, 16), torch.randn(2, 3, plain.config.cross_attention_dim)
    with torch.no_grad():
        expected = plain(sample, 7, encoder_hidden_states=tokens).sample
        for control in (None, torch.randn(2, 3, 16)):
            made = wide(sample, 7, encoder_hidden_states=tokens, control=control).sample
            assert torch.allclose(made, expected, atol=1e-5)
        torch.nn.init.normal_(wide.conv_in.weight)
        quiet, loud = (
            wide(sample, 7, encoder_hidden_states=tokens, control=c).sample
            for c in (torch.zeros(2, 3, 16), torch.ones(2, 3, 16))
        )
        assert not torch.allclose(quiet, loud, atol=1e-3)
    with pytest.raises(ValueError, match="control is"):
        wide(sample, 7, encoder_hidden_states=tokens, control=torch.zeros(2, 3, 15))
