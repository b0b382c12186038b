"""The log-mel front end: laws, then the exact sums, then the recorded numbers."""

import math

import pytest
import torch
from published_model import REFERENCE
from safetensors.torch import load_file

from vtacli.signal.mel import (
    BANDS,
    HOP,
    RATE_HZ,
    SILENCE,
    log_mel,
    mel_basis,
    slaney_hz,
    slaney_mel,
)


def noise(samples: int, seed: int = 0) -> torch.Tensor:
    return 0.1 * torch.randn(2, samples, generator=torch.Generator().manual_seed(seed))


def test_a_window_has_1024_frames_of_64_bands():
    assert log_mel(noise(163_840)).shape == (2, 1024, 64)


@pytest.mark.parametrize("transform", ["fft", "convolution"])
def test_silence_is_the_floor(transform):
    mel = log_mel(torch.zeros(1, 3200), transform=transform)
    assert torch.allclose(mel, torch.full_like(mel, SILENCE), atol=1e-6)


def test_twice_as_loud_adds_log_2():
    quiet = log_mel(noise(8000))
    loud = log_mel(2 * noise(8000))
    assert torch.allclose(loud - quiet, torch.full_like(quiet, math.log(2)), atol=1e-3)


def test_a_hop_later_is_a_frame_later():
    sound = noise(16_000)
    early, late = log_mel(sound[:, HOP:]), log_mel(sound)
    assert torch.allclose(early[:, 4:-5], late[:, 5:-5], atol=1e-3)


@pytest.mark.parametrize("hz", [150.0, 440.0, 1000.0, 3000.0, 7000.0])
def test_a_tone_is_loudest_in_its_own_band(hz):
    time_s = torch.arange(8000) / RATE_HZ
    mel = log_mel(0.5 * torch.sin(2 * math.pi * hz * time_s)[None])
    edges = slaney_hz(torch.linspace(0, float(slaney_mel(torch.tensor(8000.0))), BANDS + 2))
    loudest = int(mel[0, 25].argmax())
    assert edges[loudest] <= hz <= edges[loudest + 2]


def test_the_mel_scale_inverts_and_is_continuous_at_its_knee():
    hz = torch.linspace(0, 8000, 400, dtype=torch.float64)
    assert torch.allclose(slaney_hz(slaney_mel(hz)), hz)
    assert float(slaney_mel(torch.tensor(1000.0))) == pytest.approx(15.0)
    assert (slaney_mel(hz).diff() > 0).all()


def test_every_band_has_unit_area():
    # A band of few bins is sampled coarsely; from 1 kHz on the triangles are wide enough.
    area = mel_basis().sum(dim=1) * RATE_HZ / 1024
    assert torch.allclose(area[30:], torch.ones(34), atol=0.03)


def test_both_transforms_agree_with_the_sums_written_out():
    sound = noise(4000).double()
    window = torch.hann_window(1024, dtype=torch.float64)
    padded = torch.cat([sound[:, 1:513].flip(1), sound, sound[:, -513:-1].flip(1)], dim=1)
    frame = padded[:, 10 * HOP : 10 * HOP + 1024] * window
    turns = torch.outer(torch.arange(513), torch.arange(1024)).double() * (2 * math.pi / 1024)
    magnitude = ((frame @ turns.cos().T) ** 2 + (frame @ turns.sin().T) ** 2).sqrt()
    exact = torch.log((magnitude @ mel_basis().double().T).clamp(min=1e-5))
    for transform in ("fft", "convolution"):
        assert torch.allclose(log_mel(sound, transform=transform)[:, 10], exact, atol=1e-9)


def test_gradients_are_finite_even_in_silence():
    for sound in (torch.zeros(1, 2000), noise(2000)):
        sound.requires_grad_()
        log_mel(sound).sum().backward()
        assert torch.isfinite(sound.grad).all()


def test_bad_shapes_are_refused():
    with pytest.raises(ValueError, match="too short"):
        log_mel(torch.zeros(1, 512))
    with pytest.raises(ValueError, match=r"\(B, N\)"):
        log_mel(torch.zeros(2000))


def test_recorded_front_end():
    recorded = load_file(REFERENCE / "expected_base.safetensors")
    sound, mel = recorded["training_wave"].float(), recorded["training_mel"]
    assert (log_mel(sound, transform="convolution") - mel).abs().max() < 1e-3
    # The recording's own rounding near the floor is what the FFT does not repeat.
    error = (log_mel(sound) - mel).abs()
    assert error.max() < 3e-3
    assert error.mean() < 2e-5
