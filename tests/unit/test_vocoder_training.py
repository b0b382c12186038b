"""The energy distance is a proper score: it is best where the randomness is right."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import torch

from vtacli.model.mini.vocos import InverseStftVocoder
from vtacli.training.vocoder import energy_distance, spectral_distance, vocoder_loss


def noise(seed: int, gain: float = 0.1) -> torch.Tensor:
    return gain * torch.randn(8, 16_000, generator=torch.Generator().manual_seed(seed))


def buzz(gain: float = 0.1) -> torch.Tensor:
    """A pulse every hop: flat spectrum, no randomness."""
    wave = torch.zeros(8, 16_000)
    wave[:, ::160] = gain * 160**0.5
    return wave


def test_true_randomness_scores_better_than_a_buzz_of_the_same_level():
    truth = noise(0)
    random, _ = energy_distance(noise(1), noise(2), truth)
    fixed, spread = energy_distance(buzz(), buzz(), truth)
    assert random < fixed
    assert spread < 0.01


def test_wrong_level_scores_worse():
    truth = noise(0)
    right, _ = energy_distance(noise(1), noise(2), truth)
    for gain in (0.03, 0.3):
        wrong, _ = energy_distance(noise(1, gain), noise(2, gain), truth)
        assert wrong > right


def test_two_equal_draws_of_the_truth_score_nothing():
    truth = noise(0)
    score, spread = energy_distance(truth, truth, truth)
    assert abs(float(score)) < 0.01
    assert spread < 0.01


def test_the_spectral_distance_of_a_sound_to_itself_is_nothing():
    assert float(spectral_distance(noise(0), noise(0))) < 1e-6
    assert float(spectral_distance(noise(0, 0.2), noise(0))) > 0.5


class Hiss:
    """Stands for a library's excerpts: white noise."""

    def batch(self, rng: np.random.Generator, size: int) -> torch.Tensor:
        return torch.from_numpy(0.1 * rng.standard_normal((size, 7680), dtype=np.float32))


def test_tones_are_turned_down_once_when_the_noise_joins():
    torch.manual_seed(0)
    model = InverseStftVocoder(width=16, depth=1)
    loss_of = vocoder_loss(Hiss(), 1, "cpu", None, 0.0, 2, project=True, tones_down=1.5)
    bins, biases = model.config.fft // 2 + 1, [model.head.bias.detach().clone()]
    for step in range(4):
        loss, _ = loss_of(model, np.random.default_rng(step), step)
        assert torch.isfinite(loss)
        biases.append(model.head.bias.detach().clone())
    moved = [b - a for a, b in pairwise(biases)]
    assert [round(float(m[:bins].mean()), 4) for m in moved] == [0, 0, -1.5, 0]
    assert all(float(m[bins:].abs().max()) == 0 for m in moved)
