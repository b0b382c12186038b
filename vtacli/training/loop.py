"""One training loop for every part: seeded, resumable, averaged, stopped by steps or by the clock.

A batch is a function of (seed, step) alone and the whole state is on disk, so a run that was cut
and resumed makes the same weights as one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from vtacli.progress import Report, Step

LossOf = Callable[[nn.Module, np.random.Generator, int], tuple[torch.Tensor, dict[str, float]]]


@dataclass(frozen=True)
class Schedule:
    """``warmup`` steps up, flat, and the last ``decay_share`` of ``steps`` linearly to zero."""

    steps: int
    learning_rate: float = 1e-3
    warmup: int = 200
    decay_share: float = 0.25
    weight_decay: float = 0.01
    gradient_clip: float = 1.0
    ema: float = 0.999

    def rate(self, step: int, begun_at: int = 0) -> float:
        """The learning rate; ``begun_at`` is the step at which a fresh optimizer began."""
        up = min(1.0, (step - begun_at + 1) / max(1, self.warmup))
        tail = max(1, round(self.steps * self.decay_share))
        down = min(1.0, max(0.0, (self.steps - step) / tail))
        return self.learning_rate * min(up, down)

    def ema_at(self, step: int) -> float:
        """Short memory at first, so that the average is not held back by the random start."""
        return min(self.ema, (1 + step) / (10 + step))


@dataclass(frozen=True)
class Progressed:
    """What a call of :func:`fit` did. ``finished`` says whether all steps are done."""

    step: int
    seconds: float
    finished: bool
    logs: dict[str, float]


def learn_only(model: nn.Module, learns: Callable[[str], bool]) -> None:
    """Freeze every parameter but those whose name says so."""
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(learns(name))


def trainable_parameters(model: nn.Module) -> list[nn.Parameter]:
    """The one list that the optimizer gets: everything that asks for a gradient."""
    return [p for p in model.parameters() if p.requires_grad]


def rng_of(seed: int, step: int, stage: str) -> np.random.Generator:
    """The randomness of one batch."""
    return np.random.default_rng([seed, step, *stage.encode()])


def fit(
    stage: str,
    model: nn.Module,
    loss_of: LossOf,
    schedule: Schedule,
    *,
    seed: int,
    state_file: Path,
    report: Report,
    begin_at: int = 0,
    spent_s: float = 0.0,
    minutes: float | None = None,
    save_every_s: float = 120.0,
    device: torch.device | str = "cpu",
) -> Progressed:
    """Train ``model`` in place; on return it holds the averaged weights.

    Resumes from ``state_file`` when that exists, otherwise starts at step ``begin_at`` of the
    schedule, on which ``spent_s`` were spent before. ``minutes`` bounds this call, not the run.
    """
    model.to(device).train()
    parameters = trainable_parameters(model)
    optimizer = torch.optim.AdamW(
        parameters,
        lr=schedule.learning_rate,
        betas=(0.9, 0.98),
        weight_decay=schedule.weight_decay,
    )
    average = {k: v.detach().clone() for k, v in model.state_dict().items()}
    step = begin_at
    if state_file.is_file():
        state = torch.load(state_file, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        average, step, spent_s = state["average"], state["step"], state["seconds"]
        begin_at = state.get("begun_at", 0)
    began = saved = time.monotonic()
    logs: dict[str, float] = {}

    def save() -> None:
        state_file.parent.mkdir(parents=True, exist_ok=True)
        temporary = state_file.with_suffix(".partial")
        torch.save(
            {
                "model": model.state_dict(),
                "optimizer": optimizer.state_dict(),
                "average": average,
                "step": step,
                "begun_at": begin_at,
                "seconds": spent_s + time.monotonic() - began,
            },
            temporary,
        )
        temporary.replace(state_file)

    while step < schedule.steps:
        if minutes is not None and time.monotonic() - began > 60 * minutes:
            break
        for group in optimizer.param_groups:
            group["lr"] = schedule.rate(step, begin_at)
        torch.manual_seed(int(rng_of(seed, step, stage).integers(2**62)))
        loss, parts = loss_of(model, rng_of(seed, step, stage), step)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = nn.utils.clip_grad_norm_(parameters, schedule.gradient_clip)
        if torch.isfinite(norm):
            optimizer.step()
        keep = schedule.ema_at(step)
        with torch.no_grad():
            for name, value in model.state_dict().items():
                if value.is_floating_point():
                    average[name].lerp_(value, 1 - keep)
                else:
                    average[name].copy_(value)
        step += 1
        for name, figure in parts.items():
            logs[name] = logs.get(name, figure) * 0.98 + figure * 0.02
        if step % 10 == 0 or step == schedule.steps:
            detail = " ".join(f"{k} {v:.4f}" for k, v in logs.items())
            report(Step(stage, step, schedule.steps, detail))
        if time.monotonic() - saved > save_every_s:
            save()
            saved = time.monotonic()
    save()
    seconds = spent_s + time.monotonic() - began
    model.load_state_dict(average)
    model.eval()
    return Progressed(step, seconds, step >= schedule.steps, logs)
