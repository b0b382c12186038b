"""A latent diffusion model of toy widths with clips made of tensors: everything real but small."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from vtacli.model.encoders.features import Features, WindowFeatures
from vtacli.training.data.prepared import Example
from vtacli.training.ldm import machine
from vtacli.training.ldm.find import SHIPPED
from vtacli.training.ldm.latents import LatentCache
from vtacli.training.ldm.loop import Course
from vtacli.training.ldm.module import Denoising
from vtacli.training.ldm.parts import make_parts
from vtacli.training.ldm.recipe import LdmRecipe, read_ldm_recipe
from vtacli.training.ldm.samples import Samples


def smoke(name: str = "base", **optimizer: Any) -> LdmRecipe:
    """A shipped smoke recipe, its optimizer changed."""
    recipe = read_ldm_recipe(SHIPPED / f"smoke-{name}.toml")
    return replace(recipe, optimizer=replace(recipe.optimizer, **optimizer))


def clips(count: int, width: int = 16, words: int | None = None) -> list[Example]:
    """Windows of 256 mel frames (the UNet takes any length), each with a burst of its own."""
    source = torch.Generator().manual_seed(5)
    made = []
    for i in range(count):
        mel = torch.full((1, 256, 64), -9.0)
        at = 40 + 30 * i
        mel[:, at : at + 12, : 10 + 5 * i] = 0.0
        mel += 0.3 * torch.randn(mel.shape, generator=source)
        times = torch.arange(5, dtype=torch.float64) / 2
        row = WindowFeatures(
            Features(torch.randn(5, width, generator=source), times),
            None if words is None else torch.randn(1, words, generator=source),
        )
        made.append(Example(f"clip-{i}", mel, row, f"sound {i}", 2.56, f"film-{i}"))
    return made


def course(folder: Path, recipe: LdmRecipe, examples: list[Example] | None = None) -> Course:
    """The training loop on these clips, ready to run."""
    folder.mkdir(parents=True, exist_ok=True)
    accelerator = machine.begin(recipe, "cpu", folder / "logs", ())
    parts = make_parts(recipe)
    examples = clips(4) if examples is None else examples
    cache = LatentCache(folder / "latents", examples)
    cache.make(parts.vae, 0, 1, lambda event: None)
    samples = Samples(recipe, examples, cache, parts.vae, parts.encoder.frames.token_width)
    module = Denoising(parts.encoder, parts.unet)
    return Course(recipe, module, parts.scheduler, samples, accelerator, folder, data="clips")
