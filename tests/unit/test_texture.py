"""The codec's grain: a proper score, on a codec that stays as it was."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from toy_sounds import make_toy_sounds

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.texture import fixed_grain, grain_of
from vtacli.model.mini.vocos import InverseStftVocoder
from vtacli.signal.mel import log_mel
from vtacli.training.excerpts import Excerpts
from vtacli.training.library import open_library
from vtacli.training.loop import Schedule, fit
from vtacli.training.texture import (
    energy_distance,
    freeze_all_but_texture,
    texture_loss,
    texture_score,
    view,
)

SIZES = {"width": 32, "deep_width": 32, "shallow_blocks": 1, "deep_blocks": 1}


def codec() -> MelCodec:
    torch.manual_seed(0)
    return MelCodec(**SIZES, texture_width=32, texture_depth=1).eval()


def grain(seed: int, size: float = 1.0) -> torch.Tensor:
    return size * torch.randn(4, 64, 256, generator=torch.Generator().manual_seed(seed))


def test_the_right_spread_scores_better_than_none_or_too_much():
    truth = grain(0)
    right, spread = energy_distance(grain(1), grain(2), truth, (0, 0))
    none, nothing = energy_distance(grain(1, 0), grain(2, 0), truth, (0, 0))
    wild, _ = energy_distance(grain(1, 3), grain(2, 3), truth, (0, 0))
    assert right < none
    assert right < wild
    assert nothing < 0.01 < spread


def test_neighbours_that_go_together_must_go_together():
    def smeared(seed: int) -> torch.Tensor:
        """Unit variance at every place, equal over 16 frames."""
        return grain(seed)[:, :, ::16].repeat_interleave(16, dim=2)

    alike, _ = energy_distance(smeared(1), smeared(2), smeared(0), (0, 0))
    apart, _ = energy_distance(grain(1), grain(2), smeared(0), (0, 0))
    assert alike < apart


@pytest.mark.parametrize("shift", [(0, 0), (31, 15), (5, 63)])
def test_a_view_holds_whole_blocks(shift):
    mel = torch.arange(64 * 256).float().reshape(1, 64, 256)
    seen = view(mel, 4, 64, shift)
    assert seen.shape[2] == 256
    first = mel[0, :, shift[0] % 4 : shift[0] % 4 + 4]
    assert torch.equal(seen[0, 0].reshape(64, 4), first)


def test_decoding_is_repeatable_and_knows_no_batch():
    model = codec()
    latents = torch.randn(3, 128, 16, 1, generator=torch.Generator().manual_seed(1))
    together = model.decode(latents).sample
    assert together.shape == (3, 1, 128, 64)
    for i in range(3):
        alone = model.decode(latents[i : i + 1]).sample
        torch.testing.assert_close(alone[0], together[i], rtol=1e-4, atol=1e-4)
    smooth = model.reconstruct(model.raw(latents))
    assert not torch.equal(together, smooth)


def test_the_grain_of_noise_is_of_unit_size_and_goes_together():
    white = torch.randn(2, 160 * 512, generator=torch.Generator().manual_seed(5))
    noise = grain_of(white)
    assert noise.shape == (2, 64, 512)
    assert noise.mean(dim=(0, 2)).abs().max() < 0.2
    assert (noise.std(dim=(0, 2)) - 1).abs().max() < 0.2
    apart = {n: float((noise[..., n:] * noise[..., :-n]).mean()) for n in (1, 12)}
    assert apart[1] > 0.6  # frames overlap: 64 ms long, 10 ms apart
    assert abs(apart[12]) < 0.1


def test_the_fixed_grain_is_that_of_the_noise_that_the_vocoder_shapes():
    """What sounds like noise: the vocoder's first draw has the grain that the codec asked for."""
    frames, level = 256, torch.full((1, 256, 64), -4.0)
    level = level + torch.linspace(0, -2, 64)
    vocoder = InverseStftVocoder(tones=False, projections=0)
    with torch.no_grad():
        heard = log_mel(vocoder(level)).transpose(1, 2)[..., 4:-4]
    grain = fixed_grain(frames, level)[..., 4:-4]
    heard, grain = (x - x.mean(dim=2, keepdim=True) for x in (heard, grain))
    alike = (heard * grain).mean() / (heard.std() * grain.std())
    assert alike > 0.8
    other = grain.roll(40, dims=2)
    assert abs(float((heard * other).mean() / (heard.std() * other.std()))) < 0.1


def test_noise_is_let_through_as_it_is():
    """With nothing else to say, what is added is a share of the noise's own grain."""
    model = codec()
    with torch.no_grad():
        model.texture.head.weight.zero_()
        model.texture.through.bias.zero_()  # twice the sigmoid: all of it
    latents = torch.zeros(1, 128, 16, 1)
    added = model.decode(latents).sample - model.reconstruct(model.raw(latents))
    white = torch.randn(1, 128 * 160, generator=torch.Generator().manual_seed(0))
    mel = log_mel(white)
    expected = mel - grain_mean(mel.shape)
    assert torch.allclose(added[0, 0], expected[0], atol=1e-4)


def grain_mean(shape) -> torch.Tensor:
    source = torch.Generator().manual_seed(0)
    return log_mel(torch.randn(1, 60 * 16_000, generator=source)).mean(dim=1).expand(shape)


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("texture")
    return open_library(make_toy_sounds(folder / "sounds"), folder / "cache")


def test_training_leaves_latents_and_smooth_mel_and_lowers_the_energy(library, tmp_path: Path):
    model = codec()
    freeze_all_but_texture(model)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    untrained = texture_score(model, library, "cpu")
    fit(
        "texture",
        model,
        texture_loss(Excerpts(library, 10_240), 4, "cpu"),
        Schedule(steps=80, learning_rate=3e-3, warmup=5, ema=0.9),
        seed=1,
        state_file=tmp_path / "s.pt",
        report=lambda event: None,
    )
    for name, value in model.state_dict().items():
        assert name.startswith("texture.") or torch.equal(value, before[name]), name
    assert not torch.equal(model.texture.head.weight, before["texture.head.weight"])
    trained = texture_score(model, library, "cpu")
    assert trained["held_out_energy"] < untrained["held_out_energy"]
    assert np.isclose(trained["held_out_energy_without"], untrained["held_out_energy_without"])
