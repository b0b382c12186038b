"""The mel VAE's training: a second coding counts, and recordings are heard at other speeds."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.start import FRAMES
from vtacli.training.codec import codec_loss, coded_again
from vtacli.training.excerpts import Excerpts

SIZES = {"channels": 16, "width": 32, "deep_width": 32, "shallow_blocks": 1, "deep_blocks": 1}
RATE_HZ = 16_000


class Tones:
    """A library of one even tone of 1 kHz, three seconds long."""

    def training(self):
        return [SimpleNamespace(length=3 * RATE_HZ)]

    def wave(self, recording):
        return np.sin(2 * np.pi * 1000 * np.arange(recording.length) / RATE_HZ).astype(np.float32)


def pitch_hz(wave: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave))))
    return float(spectrum.argmax() * RATE_HZ / len(wave))


def test_half_of_the_excerpts_are_faster_or_slower():
    excerpts = Excerpts(Tones(), 8000, speed=1.5)
    pitches = np.array([pitch_hz(excerpts._one(np.random.default_rng(i))) for i in range(60)])
    assert 980 / 1.5 < pitches.min() < 800
    assert 1250 < pitches.max() < 1020 * 1.5
    assert 15 < np.isclose(pitches, 1000, rtol=0.01).sum() < 48


def test_without_a_speed_recordings_stay_as_they_are():
    excerpts = Excerpts(Tones(), 8000)
    pitches = [pitch_hz(excerpts._one(np.random.default_rng(i))) for i in range(20)]
    assert pitches == pytest.approx([1000] * 20, rel=0.01)


def test_a_second_coding_is_held_against_the_truth_where_it_was_cut():
    torch.manual_seed(0)
    codec = MelCodec(**SIZES)
    mel = torch.randn(4, 1, 64, 64) - 5
    for shift in (1, 5, FRAMES - 1):
        loss, l1 = coded_again(codec, mel, mel, shift)
        part = mel[:2, :, shift : shift + 56]
        made = codec.reconstruct(codec.moments(part)[0])
        assert l1 == pytest.approx(float((made - part).detach().abs().mean()), rel=1e-5)
        loss.backward()
    gradient = codec.patch_in.weight.grad
    assert gradient is not None
    assert float(gradient.abs().sum()) > 0


def test_the_loss_tells_of_the_second_coding_where_it_counts():
    torch.manual_seed(0)
    codec, excerpts = MelCodec(**SIZES), Excerpts(Tones(), 10_240)
    plain, logs = codec_loss(excerpts, 2, "cpu")(codec, np.random.default_rng(0), 0)
    assert "again" not in logs
    more, logs = codec_loss(excerpts, 2, "cpu", again=0.5)(codec, np.random.default_rng(0), 0)
    assert logs["again"] > 0
    assert float(more) > float(plain)
