"""What is minimised: the squared error of v, weighted by min-SNR.

With x_t = a x + s n (a² + s² = 1, signal-to-noise ratio SNR = a² / s²) the denoiser predicts
v = a n - s x (Salimans and Ho, 2202.00512, appendix D).

Min-SNR (Hang et al., 2303.09556, section 3.4) weighs the error *of x* by min(SNR, γ). In terms of
v, whose error is SNR + 1 times that of x, this is min(SNR, γ) / (SNR + 1). The published trainer
uses min(SNR, γ) / SNR, the weight for a denoiser that predicts the noise, on v: it never falls
below one at high noise, where the paper's falls with the SNR.
"""

from __future__ import annotations

from typing import Any

import torch
from diffusers.training_utils import compute_snr
from torch import Tensor


def min_snr_weights(
    scheduler: Any, timesteps: Tensor, gamma: float, weights: str = "min-snr"
) -> Tensor:
    """(B,) weights of the squared errors at ``timesteps``; ones where ``gamma`` is 0.

    ``weights``: "min-snr", the paper's, or "published", the published trainer's. For schedulers
    that predict v or the noise ("epsilon"). Raises ValueError for others.
    """
    if gamma == 0:
        return torch.ones(len(timesteps), device=timesteps.device)
    snr: Tensor = compute_snr(scheduler, timesteps)
    kind = scheduler.config.prediction_type
    if kind == "v_prediction" and weights == "min-snr":
        return snr.clamp(max=gamma) / (snr + 1)
    if kind in ("epsilon", "v_prediction"):
        return snr.clamp(max=gamma) / snr
    raise ValueError(f"min-SNR is not known for {kind!r}")


def target_of(scheduler: Any, latents: Tensor, noise: Tensor, timesteps: Tensor) -> Tensor:
    """What the denoiser is to say. All (B, C, T, F)."""
    if scheduler.config.prediction_type == "v_prediction":
        velocity: Tensor = scheduler.get_velocity(latents, noise, timesteps)
        return velocity
    if scheduler.config.prediction_type == "epsilon":
        return noise
    raise ValueError(f"no target for {scheduler.config.prediction_type!r}")


def errors_of(said: Tensor, target: Tensor) -> Tensor:
    """(B,) mean squared errors, in float32 whatever the denoiser's precision."""
    errors = (said.float() - target.float()).pow(2)
    return errors.mean(dim=list(range(1, errors.ndim)))
