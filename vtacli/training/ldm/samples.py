"""Samples of a step, from their numbers: latents, noise, and what is known of each window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from vtacli.model.encoders.features import Features, WindowFeatures
from vtacli.training.data.augment import ReadWords, cut_together
from vtacli.training.ldm.latents import Example, LatentCache, Moments, moments_of
from vtacli.training.ldm.order import Draw, Order, draw, rng_of
from vtacli.training.ldm.recipe import LdmRecipe


@dataclass(frozen=True)
class Batch:
    """``latents`` and ``noise``: (B, C, T, F); ``timesteps``: (B,) int64; ``kept``: (B,) bool,
    False where the condition is left out; ``rows``: B windows' features."""

    latents: Tensor
    noise: Tensor
    timesteps: Tensor
    kept: Tensor
    rows: list[WindowFeatures]

    def to(self, device: torch.device | str) -> Batch:
        return replace(
            self,
            latents=self.latents.to(device),
            noise=self.noise.to(device),
            timesteps=self.timesteps.to(device),
            kept=self.kept.to(device),
        )


class Samples:
    """What every number stands for. ``vae`` encodes joined clips, whose latents are not cached, and
    ``read_words`` their joined captions; without it the captions' vectors are mixed."""

    def __init__(
        self,
        recipe: LdmRecipe,
        examples: Sequence[Example],
        latents: LatentCache,
        vae: Any,
        token_width: int,
        read_words: ReadWords | None = None,
    ):
        self.recipe, self.examples, self.latents, self.vae = recipe, examples, latents, vae
        self.token_width, self.read_words = token_width, read_words
        self.order = Order(recipe.seed, len(examples))

    def batch(self, numbers: Sequence[int], step: int) -> Batch:
        """The samples of these numbers, all of one step, on the CPU."""
        drawn = [draw(self.recipe, self.order, number, step) for number in numbers]
        made = [self._sample(d) for d in drawn]
        return Batch(
            torch.stack([latents for latents, _, _, _ in made]),
            torch.stack([noise for _, noise, _, _ in made]),
            torch.tensor([d.timestep for d in drawn]),
            torch.tensor([kept for _, _, kept, _ in made]),
            [row for _, _, _, row in made],
        )

    def _sample(self, drawn: Draw) -> tuple[Tensor, Tensor, bool, WindowFeatures]:
        features = self.examples[drawn.example].features
        if drawn.joined is None:
            moments = self.latents[drawn.example]
        else:
            features, moments = self._joined(drawn)
        rng = rng_of(self.recipe.seed, drawn.number, "noise")
        chance, noise = (normal(rng, moments[0].shape) for _ in range(2))
        row = shown(features, drawn.mode)
        kept = row is not None and not drawn.dropped
        return moments[0] + moments[1] * chance, noise, kept, row or nothing(self.token_width)

    def _joined(self, drawn: Draw) -> tuple[WindowFeatures, Moments]:
        assert drawn.joined is not None
        first: Any = self.examples[drawn.example]
        second: Any = self.examples[drawn.joined]
        whole = cut_together(first, second, drawn.cut, self.read_words)
        means, deviations = moments_of(self.vae, whole.mel[None])
        return whole.features, (means[0], deviations[0])


def normal(rng: np.random.Generator, shape: Sequence[int]) -> Tensor:
    """Standard normal float32, drawn on the CPU whatever the device."""
    return torch.from_numpy(rng.standard_normal(tuple(shape), dtype=np.float32))


def shown(features: WindowFeatures, mode: str) -> WindowFeatures | None:
    """What of a window a mode shows; None where that is nothing.

    A window that lacks what is asked for shows what it has: a sound without a film its words.
    """
    picture = features.picture if features.picture is not None and len(features.picture) else None
    words = features.words
    if mode == "picture" and picture is not None:
        words = None
    elif mode == "words" and words is not None:
        picture = None
    if picture is None and words is None:
        return None
    return replace(
        features, picture=picture, words=words, flow=None if picture is None else features.flow
    )


def nothing(token_width: int) -> WindowFeatures:
    """A window of one black token, for a row whose condition is left out anyway."""
    return WindowFeatures(Features(torch.zeros(1, token_width), torch.zeros(1).double()))
