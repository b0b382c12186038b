"""A network with more latent channels gives at first what the narrow one gave."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from vtacli.errors import ConfigError
from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.denoiser import MiniDenoiser
from vtacli.model.mini.texture import LET_THROUGH
from vtacli.training.codec import audible
from vtacli.training.flow_stages import encoder_digest
from vtacli.training.growth import widened
from vtacli.training.running import adopt

SMALL = {"width": 16, "deep_width": 16, "shallow_blocks": 1, "deep_blocks": 1}
CURVES = 26


def codec(channels: int, seed: int = 0) -> MelCodec:
    torch.manual_seed(seed)
    return MelCodec(channels=channels, texture_width=8, texture_depth=1, **SMALL).eval()


def denoiser(channels: int, seed: int = 0) -> MiniDenoiser:
    torch.manual_seed(seed)
    made = MiniDenoiser(
        latent_channels=channels,
        control_channels=CURVES + channels + 1,
        width=32,
        depth=2,
        heads=2,
        text_width=16,
    )
    for parameter in made.parameters():  # zeros at the end would hide what goes wrong before it
        torch.nn.init.normal_(parameter, std=0.1)
    return made.eval()


def mel() -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(-5, 2, (2, 1, 64, 64))).float()


@torch.no_grad()
def test_a_grown_codec_keeps_its_latents_and_its_sound(tmp_path):
    narrow, wide = codec(4), codec(7, seed=1)
    narrow.latent_mean.uniform_(-1, 1)
    narrow.latent_std.uniform_(0.5, 2)
    narrow.save_pretrained(tmp_path)
    adopt(wide, tmp_path)
    before, after = narrow.encode(mel()).mean, wide.encode(mel()).mean
    assert torch.equal(before, after[:, :4])
    assert torch.equal(narrow.decode(before).sample, wide.decode(after).sample)
    # The new channels do look at the sound, or nothing could ever be learnt through them.
    assert (after[:, 4:].std(dim=(0, 2, 3)) > 1e-3).all()
    assert wide.moments(mel())[1][:, 4:].unique().tolist() == [-3.0]


@torch.no_grad()
def test_a_grown_denoiser_does_what_it_did_whatever_the_new_channels_hold(tmp_path):
    narrow, wide = denoiser(4), denoiser(6, seed=1)
    narrow.save_pretrained(tmp_path)
    adopt(wide, tmp_path)
    source = torch.Generator().manual_seed(2)

    def draw(*shape):
        return torch.randn(shape, generator=source)

    sample, control, words = draw(2, 4, 8, 1), draw(2, CURVES + 5, 8), draw(2, 1, 16)
    wide_sample = torch.cat([sample, draw(2, 2, 8, 1)], dim=1)
    curves, draft, flag = control.split([CURVES, 4, 1], dim=1)
    wide_control = torch.cat([curves, draft, draw(2, 2, 8), flag], dim=1)
    was = narrow(sample, 300.0, words, None, control).sample
    is_ = wide(wide_sample, 300.0, words, None, wide_control).sample
    assert torch.allclose(is_[:, :4], was, atol=1e-6)
    assert not is_[:, 4:].any()


def test_what_is_not_narrower_is_taken_as_it_is():
    held = codec(4).state_dict()
    same = widened(codec(4, seed=1), held)
    assert same.keys() == held.keys()
    assert all(torch.equal(same[k], held[k]) for k in held)


def test_a_part_of_the_texture_that_the_weights_lack_begins_afresh(tmp_path):
    held, model = codec(4), codec(4, seed=1)
    held.save_pretrained(tmp_path)
    file = tmp_path / "diffusion_pytorch_model.safetensors"
    there = {k: v for k, v in load_file(file).items() if "through" not in k}
    save_file(there, file)
    adopt(model, tmp_path)
    state, was = model.state_dict(), held.state_dict()
    assert all(torch.equal(state[k], was[k]) for k in was if "through" not in k)
    assert torch.equal(state["texture.through.bias"], torch.full((64,), LET_THROUGH))


def test_weights_that_lack_something_are_still_refused(tmp_path):
    codec(4).save_pretrained(tmp_path)
    sizes = {**SMALL, "deep_blocks": 2}
    deeper = MelCodec(channels=6, texture_width=8, texture_depth=1, **sizes)
    with pytest.raises(ConfigError, match="lack"):
        adopt(deeper, tmp_path)


def test_windows_stay_valid_while_the_decoder_learns_on():
    one, other = codec(4), codec(4)
    before = encoder_digest(one)
    with torch.no_grad():
        for name, parameter in other.named_parameters():
            if name.startswith(("texture", "decoder", "up", "patch_out", "from_latent")):
                parameter.add_(1)
    assert encoder_digest(other) == before
    with torch.no_grad():
        other.to_moments.bias.add_(1e-3)
    assert encoder_digest(other) != before


def test_what_is_covered_by_louder_sound_weighs_less():
    quiet_and_loud = torch.full((1, 1, 4, 4), -10.0)
    quiet_and_loud[0, 0, 0, 0] = 0.0
    weights = audible(quiet_and_loud)
    assert weights[0, 0, 0, 0] == pytest.approx(1, abs=1e-3)
    assert weights[0, 0, 1, 1] == pytest.approx(0.25, abs=1e-3)
    assert torch.allclose(audible(quiet_and_loud - 3), weights)  # of its own loudest, not of all
