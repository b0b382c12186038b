"""Distillation: low-rank changes that make a few unguided steps do what many guided ones do.

The teacher is the product's own sampler with its guidance. Its way from noise to sound is written
down for a number of windows at a few noise levels; the student learns the straight line from each
level to the next, with everything asked of it in one branch (progressive distillation, Salimans
and Ho, 2202.00512, in one round, with guidance distilled in as by Meng et al., 2210.03142). What is
learnt are low-rank changes (Hu et al., 2106.09685), so that the file beside the denoiser is small.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.func import functional_call

from vtacli.model.condition import Condition
from vtacli.model.mini.denoiser import MiniDenoiser
from vtacli.model.pipeline import VtaPipeline
from vtacli.progress import Report, Step
from vtacli.training.loop import LossOf, rng_of


@dataclass(frozen=True)
class Ways:
    """The teacher's ways. ``levels``: (N, steps + 1, C, T) float16, from noise to sound;
    ``tokens``: (N, D); ``said``: (N,) whether anything was said; ``control``: (N, channels, T)."""

    levels: NDArray[np.float16]
    tokens: NDArray[np.float16]
    said: NDArray[np.bool_]
    control: NDArray[np.float16]

    def __len__(self) -> int:
        return len(self.levels)


def walk(
    pipeline: VtaPipeline, condition: Condition, noise: Tensor, steps: int, teacher_steps: int
) -> NDArray[np.float16]:
    """The teacher's latents at ``steps`` + 1 noise levels of equal distance, (B, steps + 1, C, T).

    ``teacher_steps`` is a multiple of ``steps``.
    """
    every = teacher_steps // steps
    passed = [noise]

    def keep(_: object, i: int, timestep: Tensor, made: dict[str, Tensor]) -> dict[str, Tensor]:
        if (i + 1) % every == 0:
            passed.append(made["latents"].float().cpu())
        return made

    pipeline(
        condition,
        latents=noise,
        num_inference_steps=teacher_steps,
        callback_on_step_end=keep,
        one_at_a_time=False,
    )
    return torch.stack(passed, dim=1).squeeze(-1).numpy().astype(np.float16)


class LowRank(nn.Module):
    """``up @ down`` for every linear layer of a frozen denoiser. ``up`` starts at zero, so that
    the student starts as the teacher without guidance."""

    def __init__(self, denoiser: MiniDenoiser, rank: int):
        super().__init__()
        # Not a submodule: its weights are no part of what is trained, kept or averaged.
        self.frozen = [denoiser.requires_grad_(False).eval()]
        layers = {n: m for n, m in denoiser.named_modules() if isinstance(m, nn.Linear)}
        self.names = list(layers)
        self.down, self.up = nn.ParameterList(), nn.ParameterList()
        for layer in layers.values():
            size = min(rank, layer.in_features, layer.out_features)
            self.down.append(torch.randn(size, layer.in_features) / layer.in_features**0.5)
            self.up.append(torch.zeros(layer.out_features, size))

    def forward(self, *arguments: Tensor) -> Tensor:
        """The changed denoiser's velocity; takes what the denoiser takes. (B, C, T, 1)"""
        denoiser = self.frozen[0]
        weights = dict(denoiser.named_parameters())
        for name, down, up in zip(self.names, self.down, self.up, strict=True):
            weights[f"{name}.weight"] = weights[f"{name}.weight"] + up @ down
        made: Tensor = functional_call(denoiser, weights, arguments).sample
        return made

    def save(self, path: Path, steps: int) -> None:
        """Write the file that :class:`vtacli.model.mini.few_steps.FewSteps` reads, in float16."""
        tensors = {}
        for name, down, up in zip(self.names, self.down, self.up, strict=True):
            tensors[f"{name}.down"] = down.detach().half().contiguous()
            tensors[f"{name}.up"] = up.detach().half().contiguous()
        save_file(tensors, path, metadata={"steps": str(steps), "scale": "1"})


def few_steps_loss(ways: Ways, batch: int, device: str) -> LossOf:
    """The squared error of the mean velocity between one level and the next."""
    steps = ways.levels.shape[1] - 1

    def loss_of(
        model: nn.Module, rng: np.random.Generator, step: int
    ) -> tuple[Tensor, dict[str, float]]:
        chosen = rng.integers(len(ways), size=batch)
        at = rng.integers(steps, size=batch)
        here = torch.from_numpy(ways.levels[chosen, at].astype(np.float32)).to(device)
        there = torch.from_numpy(ways.levels[chosen, at + 1].astype(np.float32)).to(device)
        level = torch.from_numpy(1 - at / steps).float().to(device)
        made = model(
            here.unsqueeze(-1),
            level * 1000,
            torch.from_numpy(ways.tokens[chosen].astype(np.float32))[:, None].to(device),
            torch.from_numpy(ways.said[chosen])[:, None].to(device),
            torch.from_numpy(ways.control[chosen].astype(np.float32)).to(device),
        ).squeeze(-1)
        loss = (made - (here - there) * steps).pow(2).mean()
        return loss, {"line": float(loss.detach())}

    return loss_of


def walk_ways(
    pipeline: VtaPipeline,
    conditions: list[tuple[NDArray[np.float32], bool, NDArray[np.float32]]],
    seed: int,
    steps: int,
    teacher_steps: int,
    report: Report,
    at_once: int = 8,
) -> Ways:
    """The teacher's ways for ``conditions``: (token, said, control) each."""
    levels = []
    for first in range(0, len(conditions), at_once):
        part = conditions[first : first + at_once]
        tokens = torch.from_numpy(np.stack([t for t, _, _ in part]))[:, None]
        said = torch.tensor([[s] for _, s, _ in part])
        control = torch.from_numpy(np.stack([c for _, _, c in part]))
        shape = (len(part), *pipeline.facts.latent_shape)
        noise = rng_of(seed, first, "ways").standard_normal(shape, dtype=np.float32)
        condition = Condition(tokens, said, control)
        levels.append(walk(pipeline, condition, torch.from_numpy(noise), steps, teacher_steps))
        report(Step("ways", first + len(part), len(conditions)))
    return Ways(
        np.concatenate(levels),
        np.stack([t for t, _, _ in conditions]).astype(np.float16),
        np.array([s for _, s, _ in conditions]),
        np.stack([c for _, _, c in conditions]).astype(np.float16),
    )


def save_ways(ways: Ways, path: Path) -> None:
    """One .npz file, written whole or not at all."""
    temporary = path.with_name(path.name + ".partial.npz")
    np.savez(
        temporary, levels=ways.levels, tokens=ways.tokens, said=ways.said, control=ways.control
    )
    temporary.replace(path)


def load_ways(path: Path) -> Ways:
    """Read what :func:`save_ways` wrote."""
    with np.load(path) as file:
        return Ways(file["levels"], file["tokens"], file["said"], file["control"])
