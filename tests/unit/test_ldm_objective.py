"""Min-SNR weights and targets, by the definitions they come from."""

from __future__ import annotations

import diffusers
import pytest
import torch

from vtacli.model import published
from vtacli.training.ldm.objective import errors_of, min_snr_weights, target_of


def scheduler(**changes):
    fact = published.fact("stable-diffusion-2-1-scheduler")
    return diffusers.DDPMScheduler.from_config({**fact, **changes})


TIMES = torch.tensor([0, 50, 250, 500, 750, 999])


def test_the_weight_of_v_is_that_of_x():
    """min(SNR, gamma) times the error of x is the weight times the error of v."""
    noise_of = scheduler()
    source = torch.Generator().manual_seed(0)
    x, n, v = (
        torch.randn(len(TIMES), 2, 8, 4, generator=source, dtype=torch.float64) for _ in range(3)
    )
    noise_of.alphas_cumprod = noise_of.alphas_cumprod.double()
    a2 = noise_of.alphas_cumprod[TIMES]
    a, s = a2.sqrt()[:, None, None, None], (1 - a2).sqrt()[:, None, None, None]
    noisy = noise_of.add_noise(x, n, TIMES)
    said_x = a * noisy - s * v
    error_x = (said_x - x).pow(2).mean(dim=(1, 2, 3))
    error_v = (v - target_of(noise_of, x, n, TIMES)).pow(2).mean(dim=(1, 2, 3))
    weights = min_snr_weights(noise_of, TIMES, 5.0).double()
    snr = a2 / (1 - a2)
    assert torch.allclose(weights * error_v, snr.clamp(max=5.0) * error_x, rtol=1e-4)


def test_the_published_weights_are_those_for_the_noise():
    plain, noise_of = scheduler(prediction_type="epsilon"), scheduler()
    snr = noise_of.alphas_cumprod[TIMES] / (1 - noise_of.alphas_cumprod[TIMES])
    expected = snr.clamp(max=5.0) / snr
    assert torch.allclose(min_snr_weights(plain, TIMES, 5.0), expected)
    assert torch.allclose(min_snr_weights(noise_of, TIMES, 5.0, "published"), expected)
    assert expected[-1] == 1.0
    assert min_snr_weights(noise_of, TIMES, 5.0)[-1] < 0.01


def test_no_gamma_weighs_all_alike():
    assert torch.equal(min_snr_weights(scheduler(), TIMES, 0.0), torch.ones(len(TIMES)))


def test_targets_are_what_the_scheduler_predicts():
    x, n = torch.randn(2, 2, 8, 4), torch.randn(2, 2, 8, 4)
    times = torch.tensor([10, 900])
    assert torch.equal(target_of(scheduler(prediction_type="epsilon"), x, n, times), n)
    a2 = scheduler().alphas_cumprod[times][:, None, None, None]
    expected = a2.sqrt() * n - (1 - a2).sqrt() * x
    assert torch.allclose(target_of(scheduler(), x, n, times), expected, atol=1e-6)
    with pytest.raises(ValueError, match="no target"):
        target_of(scheduler(prediction_type="sample"), x, n, times)


def test_errors_are_means_in_full_precision():
    said = torch.full((3, 2, 4, 4), 1.5, dtype=torch.bfloat16)
    found = errors_of(said, torch.zeros(3, 2, 4, 4))
    assert found.dtype == torch.float32
    assert torch.equal(found, torch.full((3,), 2.25))
