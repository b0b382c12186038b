"""A small mel autoencoder made of the data itself, for runs that have no finished one.

It is latent diffusion's (Rombach et al., 2112.10752), diffusers' ``AutoencoderKL``, without the
adversarial part: good enough to tell when a sound begins and what it is like, not to publish.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import Tensor

from vtacli.progress import Report, Step
from vtacli.training.ldm.latents import Example
from vtacli.training.ldm.order import rng_of
from vtacli.training.ldm.recipe import AutoencoderPart

MEL_MEAN, MEL_STD = -5.0, 3.0
"""About those of natural log-mels of recordings, between silence at -11.5 and full scale at 2."""
KL_WEIGHT = 1e-4
CROP = 256
"""Mel frames of an excerpt."""

SMALL = {
    "in_channels": 1,
    "out_channels": 1,
    "down_block_types": ["DownEncoderBlock2D"] * 3,
    "up_block_types": ["UpDecoderBlock2D"] * 3,
    "block_out_channels": [16, 32, 32],
    "layers_per_block": 1,
    "latent_channels": 8,
    "norm_num_groups": 8,
    "mid_block_add_attention": False,
    "force_upcast": False,
}
"""Four mel frames and four bands in a latent, as the published one."""


def new_autoencoder(config: dict[str, Any], seed: int) -> Any:
    """An untrained one, its first and last layers set for log-mels as they are."""
    torch.manual_seed(seed)
    vae = AutoencoderKL(**{**SMALL, **config})
    first, last = vae.encoder.conv_in, vae.decoder.conv_out
    with torch.no_grad():
        first.weight /= MEL_STD
        first.bias -= first.weight.sum(dim=(1, 2, 3)) * MEL_MEAN
        last.weight *= MEL_STD
        last.bias.fill_(MEL_MEAN)
    return vae.eval()


def fit_autoencoder(
    vae: Any, examples: Sequence[Example], part: AutoencoderPart, seed: int, report: Report
) -> float:
    """Train ``vae`` in place, then scale its latents to unit variance. The last losses' mean, in
    natural-log units of mel."""
    optimizer = torch.optim.AdamW(vae.parameters(), lr=part.learning_rate, weight_decay=0.0)
    ahead = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, part.learning_rate, total_steps=max(2, part.steps), pct_start=0.1
    )
    vae.train()
    losses = []
    for step in range(part.steps):
        torch.manual_seed(int(rng_of(seed, step, "first stage").integers(2**62)))
        mels = excerpts(examples, part.batch, seed, step).to(vae.device)
        posterior = vae.encode(mels).latent_dist
        error = (vae.decode(posterior.sample()).sample - mels).abs().mean()
        loss = error + KL_WEIGHT * posterior.kl().mean() / posterior.mean[0].numel()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(vae.parameters(), 1.0)
        optimizer.step()
        ahead.step()
        losses.append(float(error.detach()))
        if (step + 1) % 10 == 0 or step + 1 == part.steps:
            report(Step("autoencoder", step + 1, part.steps, f"mel error {losses[-1]:.3f}"))
    vae.eval().requires_grad_(False)
    set_scale(vae, examples)
    return sum(losses[-20:]) / max(1, len(losses[-20:]))


def excerpts(examples: Sequence[Example], count: int, seed: int, step: int) -> Tensor:
    """(count, 1, CROP, bands), of examples and places that (seed, step) says."""
    rng = rng_of(seed, step, "excerpts")
    made = []
    for index in rng.integers(len(examples), size=count):
        mel = examples[int(index)].mel
        first = int(rng.integers(max(1, mel.shape[1] - CROP + 1)))
        made.append(mel[:, first : first + CROP])
    return torch.stack(made)


@torch.no_grad()
def set_scale(vae: Any, examples: Sequence[Example], count: int = 32) -> None:
    """Set the factor that brings latents to unit variance (2112.10752, section G)."""
    sums, numbers = 0.0, 0
    for i in range(min(count, len(examples))):
        said = vae.encode(examples[i].mel[None].to(vae.device)).latent_dist
        sums += float((said.mean.double().pow(2) + said.var.double()).sum())
        numbers += said.mean.numel()
    vae.register_to_config(scaling_factor=float(1 / max(1e-6, (sums / max(1, numbers)) ** 0.5)))
