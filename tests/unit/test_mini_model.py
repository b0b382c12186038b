"""The parts of vta-mini keep their shapes, their laws, and what they promise about order."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.denoiser import MiniDenoiser, rotate, timestep_features
from vtacli.model.mini.vocos import InverseStftVocoder
from vtacli.signal.mel import log_mel


@pytest.fixture(scope="module")
def denoiser() -> MiniDenoiser:
    torch.manual_seed(0)
    model = MiniDenoiser(width=32, depth=2, heads=2).eval()
    # It starts at zero on purpose; for these tests it must say something.
    torch.nn.init.normal_(model.project_out.weight, std=0.1)
    torch.nn.init.normal_(model.modulation[1].weight, std=0.1)
    torch.nn.init.normal_(model.modulation_out[1].weight, std=0.1)
    return model


def ask(model, sample, *, control=None, tokens=None, mask=None, timestep=500.0):
    if tokens is None:
        tokens = torch.ones(len(sample), 1, 256) / 16
    with torch.no_grad():
        return model(sample, timestep, tokens, mask, control).sample


def test_velocity_has_the_latents_shape_for_any_length(denoiser):
    for steps in (1, 16, 128):
        sample = torch.randn(2, 128, steps, 1)
        assert ask(denoiser, sample).shape == sample.shape


def test_it_sees_order_and_time(denoiser):
    """Attention without positions could not: here a moved curve gives another sound."""
    sample = torch.zeros(1, 128, 128, 1)
    curve = torch.zeros(1, 155, 128)
    curve[:, :8, 20] = 1
    moved = curve.roll(40, dims=-1)
    a, b = ask(denoiser, sample, control=curve), ask(denoiser, sample, control=moved)
    assert (a - b).abs().max() > 1e-3
    strongest = (
        (a - ask(denoiser, sample, control=torch.zeros_like(curve))).abs().sum(dim=(0, 1, 3))
    )
    assert abs(int(strongest.argmax()) - 20) <= 2


def test_nothing_said_differs_from_nothing_that_sounds(denoiser):
    torch.nn.init.normal_(denoiser.nothing_said)
    sample, tokens = torch.randn(1, 128, 16, 1), torch.zeros(1, 1, 256)
    silent = ask(denoiser, sample, tokens=tokens, mask=torch.ones(1, 1, dtype=torch.bool))
    unknown = ask(denoiser, sample, tokens=tokens, mask=torch.zeros(1, 1, dtype=torch.bool))
    assert (silent - unknown).abs().max() > 1e-4


def test_masked_tokens_do_not_count(denoiser):
    sample, tokens = torch.randn(1, 128, 16, 1), torch.randn(1, 3, 256)
    mask = torch.tensor([[True, False, False]])
    other = tokens.clone()
    other[:, 1:] = 7
    assert torch.equal(
        ask(denoiser, sample, tokens=tokens, mask=mask),
        ask(denoiser, sample, tokens=other, mask=mask),
    )


def test_no_control_is_a_control_of_zeros(denoiser):
    sample = torch.randn(1, 128, 16, 1)
    assert torch.equal(
        ask(denoiser, sample), ask(denoiser, sample, control=torch.zeros(1, 155, 16))
    )


def test_rotation_keeps_length_and_depends_on_distance_only():
    x, y = torch.randn(2, 1, 1, 1, 8).double()
    angles = torch.outer(torch.arange(12.0), torch.tensor([1.0, 0.3, 0.1, 0.01])).double()
    a = rotate(x.expand(1, 1, 12, 8), angles.cos(), angles.sin())
    b = rotate(y.expand(1, 1, 12, 8), angles.cos(), angles.sin())
    assert torch.allclose(a.norm(dim=-1), x.norm(dim=-1).expand(1, 1, 12))
    assert torch.allclose((a[..., 2, :] * b[..., 5, :]).sum(), (a[..., 7, :] * b[..., 10, :]).sum())


def test_timestep_features_tell_steps_apart():
    features = timestep_features(torch.tensor([0.0, 1.0, 500.0, 1000.0]), 64)
    assert features.shape == (4, 64)
    assert torch.cdist(features, features).fill_diagonal_(9).min() > 0.1


def test_codec_shapes_and_normalisation():
    torch.manual_seed(0)
    codec = MelCodec(width=16, deep_width=16, shallow_blocks=1, deep_blocks=1).eval()
    mel = torch.randn(2, 1, 64, 64) - 5
    with torch.no_grad():
        plain = codec.encode(mel).mean
        assert plain.shape == (2, 128, 8, 1)
        before = codec.decode(plain).sample
        codec.latent_mean.fill_(0.7)
        codec.latent_std.fill_(3.0)
        scaled = codec.encode(mel).mean
        # What is handed out is (raw - mean) / std, and decoding takes it back.
        assert torch.allclose(scaled, (plain - 0.7) / 3, atol=1e-5)
        assert torch.allclose(codec.decode(scaled).sample, before, atol=1e-4)
    assert before.shape == mel.shape


def test_posterior_samples_have_its_spread():
    codec = MelCodec(width=16, deep_width=16, shallow_blocks=1, deep_blocks=1).eval()
    with torch.no_grad():
        posterior = codec.encode(torch.zeros(1, 1, 64, 64))
    draws = torch.stack([posterior.sample(torch.randn_like(posterior.mean)) for _ in range(400)])
    expected = torch.exp(0.5 * posterior.log_variance)
    assert (draws.std(dim=0) / expected - 1).abs().mean() < 0.1


@pytest.mark.parametrize("frames", [8, 100, 1024])
def test_vocoder_gives_hop_samples_a_frame(frames):
    vocoder = InverseStftVocoder(width=16, depth=1).eval()
    with torch.no_grad():
        wave = vocoder(torch.randn(1, 1, frames, 64))
    assert wave.shape == (1, frames * 160)
    assert torch.isfinite(wave).all()


@pytest.fixture(scope="module")
def hiss() -> torch.Tensor:
    """Two seconds of white noise, falling by 40 dB."""
    noise = torch.randn(1, 32_000, generator=torch.Generator().manual_seed(3))
    return noise * torch.logspace(-1, -3, 32_000)


def mel_error(vocoder: InverseStftVocoder, wave: torch.Tensor) -> float:
    mel = log_mel(wave)
    with torch.no_grad():
        return float((log_mel(vocoder(mel)) - mel).abs().mean())


def test_shaped_noise_has_the_mel_that_was_asked_for(hiss):
    """Without any weights: the level of each band is right, but for the randomness of noise."""
    plain = InverseStftVocoder(tones=False, projections=0)
    mel = log_mel(hiss)
    with torch.no_grad():
        difference = log_mel(plain(mel)) - mel
    assert difference.mean().abs() < 0.05
    assert difference.mean(dim=(0, 1)).abs().max() < 0.2


def test_each_projection_brings_the_mel_nearer(hiss):
    errors = [mel_error(InverseStftVocoder(tones=False, projections=n), hiss) for n in (0, 1, 3)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.5 * errors[0]


def test_momentum_brings_it_nearer_still(hiss):
    def error(momentum: float) -> float:
        return mel_error(InverseStftVocoder(tones=False, projections=4, momentum=momentum), hiss)

    assert error(0.7) < 0.9 * error(0.0)


def test_noise_stays_noise(hiss):
    """A buzz repeats itself every hop: its autocorrelation there is near 1."""
    with torch.no_grad():
        wave = InverseStftVocoder(tones=False, projections=1)(log_mel(hiss))[0, :8000]
    lagged = torch.dot(wave[160:], wave[:-160]) / torch.dot(wave, wave)
    assert lagged.abs() < 0.15


def test_a_mel_sounds_the_same_alone_and_in_a_batch():
    torch.manual_seed(0)
    vocoder = InverseStftVocoder(width=16, depth=1, projections=1).eval()
    mels = torch.randn(3, 1, 64, 64) - 5
    with torch.no_grad():
        assert torch.allclose(vocoder(mels)[1], vocoder(mels[1:2])[0], atol=1e-6)
        assert torch.equal(vocoder(mels), vocoder(mels))


def test_vocoder_survives_an_absurd_mel():
    vocoder = InverseStftVocoder(width=16, depth=1).eval()
    with torch.no_grad():
        assert torch.isfinite(vocoder(torch.full((1, 1, 32, 64), 1e4))).all()


def test_mel_of_silence_is_where_codec_and_bank_expect_it():
    assert np.allclose(log_mel(torch.zeros(1, 2560)).numpy(), np.log(1e-5))
