"""Validation: the plain squared error at fixed timesteps with fixed noise, so that two looks at a
model differ by the model alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from vtacli.training.ldm.latents import Example, LatentCache
from vtacli.training.ldm.module import Denoising
from vtacli.training.ldm.objective import errors_of, target_of
from vtacli.training.ldm.order import rng_of
from vtacli.training.ldm.samples import normal, nothing, shown


class Validation:
    """``clips`` examples, each at every one of ``timesteps``, conditioned on all that the recipe
    most often shows. Latents are the posterior's means. Nothing is dropped."""

    def __init__(
        self,
        examples: Sequence[Example],
        latents: LatentCache,
        seed: int,
        timesteps: Sequence[int],
        clips: int,
        modes: dict[str, float],
        token_width: int,
    ):
        self.examples, self.latents, self.seed = examples, latents, seed
        self.timesteps, self.clips = tuple(timesteps), min(clips, len(examples))
        self.mode = max(modes, key=lambda m: modes[m])
        self.token_width = token_width

    def __len__(self) -> int:
        return self.clips

    @torch.no_grad()
    def errors(
        self,
        module: Denoising,
        scheduler: Any,
        device: torch.device,
        process: int = 0,
        processes: int = 1,
    ) -> torch.Tensor:
        """(timesteps,) sums over the clips of this process, in float64: the mean is the sum over
        all processes by the number of clips."""
        was_training = module.training
        module.eval()
        sums = torch.zeros(len(self.timesteps), dtype=torch.float64)
        times = torch.tensor(self.timesteps, device=device)
        for i in range(process, self.clips, processes):
            mean = self.latents[i][0].to(device)
            rng = rng_of(self.seed, i, "validation")
            noise = torch.stack([normal(rng, mean.shape) for _ in self.timesteps]).to(device)
            latents = mean.expand_as(noise)
            row = shown(self.examples[i].features, self.mode)
            kept = torch.full((len(times),), row is not None, device=device)
            said = module(
                scheduler.add_noise(latents, noise, times),
                times,
                [row or nothing(self.token_width)] * len(times),
                kept,
            )
            sums += errors_of(said, target_of(scheduler, latents, noise, times)).double().cpu()
        module.train(was_training)
        return sums
