"""The decoder learns on: deaf to a sampler's small errors, on latents that stay as they were."""

import numpy as np
import pytest
import torch
from toy_sounds import make_toy_sounds

from vtacli.model.mini.codec import MelCodec
from vtacli.training.codec import codec_loss, set_latent_statistics
from vtacli.training.decoder import (
    decoder_loss,
    decoder_score,
    freeze_all_but_decoder,
    level,
    noisy,
)
from vtacli.training.excerpts import Excerpts
from vtacli.training.library import open_library
from vtacli.training.loop import Schedule, fit

SIZES = {"width": 32, "deep_width": 32, "shallow_blocks": 1, "deep_blocks": 1}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    return open_library(make_toy_sounds(folder / "sounds", 40), folder / "cache")


def test_the_level_of_a_frame_is_that_of_its_power():
    mel = torch.log(torch.tensor([[[[3.0, 4.0], [6.0, 8.0]]]]))
    assert torch.allclose(level(mel), torch.log(torch.tensor([[5.0, 10.0]])))
    assert torch.allclose(level(mel + 1), level(mel) + 1)


def test_noise_is_a_share_of_each_channels_deviation_in_half_of_the_rows():
    rng = np.random.default_rng(0)
    std = torch.tensor([1.0, 10.0, 0.1])
    raw = torch.zeros(4000, 3, 8)
    moved = noisy(raw, std, rng, 0.2)
    still = (moved == 0).flatten(1).all(dim=1)
    assert abs(float(still.float().mean()) - 0.5) < 0.03
    # uniform shares: a mean square of a third of the largest's
    shares = moved[~still].pow(2).mean(dim=(0, 2)).sqrt() / std
    assert shares.numpy() == pytest.approx(0.2 / np.sqrt(3), rel=0.05)
    assert torch.equal(noisy(raw, std, rng, 0.0), raw)


def test_only_the_decoder_learns_and_it_learns_to_bear_noise(library, tmp_path):
    torch.manual_seed(0)
    model = MelCodec(**SIZES, texture_width=16, texture_depth=1)
    excerpts = Excerpts(library, 10_240)

    def learn(name, loss, steps):
        schedule = Schedule(steps=steps, learning_rate=2e-3, warmup=5, ema=0.9)
        fit(name, model, loss, schedule, seed=1, state_file=tmp_path / name, report=lambda e: None)

    learn("codec", codec_loss(excerpts, 8, "cpu"), 150)
    set_latent_statistics(model, excerpts, 0, "cpu", batches=4)
    before = decoder_score(model, library, "cpu", latent_noise=0.5)
    was = {k: v.clone() for k, v in model.state_dict().items()}
    freeze_all_but_decoder(model)
    learn("decoder", decoder_loss(excerpts, 8, "cpu", latent_noise=0.5), 150)
    after = decoder_score(model, library, "cpu", latent_noise=0.5)
    changed = {k.split(".")[0] for k, v in model.state_dict().items() if not torch.equal(v, was[k])}
    assert changed == {"from_latent", "decoder_deep", "up", "decoder_shallow", "patch_out"}
    assert after["held_out_log_mel_l1_noisy"] < before["held_out_log_mel_l1_noisy"]
    assert after["held_out_level_db_noisy"] < before["held_out_level_db_noisy"]
