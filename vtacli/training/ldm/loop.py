"""The training loop: seeded, accumulated, averaged, on one process or many, and resumable.

Everything random in a step is a function of (seed, sample number), the state is whole on disk, and
nothing else is carried from step to step: a run that was cut and gone on with makes the weights of
one that was not, bit for bit on a CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from diffusers.optimization import get_scheduler
from diffusers.training_utils import EMAModel
from torch import Tensor

from vtacli.errors import DeviceError
from vtacli.progress import Report, Step, ignore
from vtacli.training.ldm import checkpoint
from vtacli.training.ldm.journal import Journal
from vtacli.training.ldm.module import (
    Denoising,
    load_trainable,
    trainable_names,
    trainable_parameters,
)
from vtacli.training.ldm.objective import errors_of, min_snr_weights, target_of
from vtacli.training.ldm.order import Shares, rng_of
from vtacli.training.ldm.recipe import LdmRecipe
from vtacli.training.ldm.samples import Batch, Samples

LOST_STEPS = 20
"""So many steps in a row without a finite gradient end a run."""

AtStep = Callable[[int, Denoising], dict[str, Any]]
"""Called with (steps done, the model with its averaged weights); what it gives is logged."""


@dataclass
class Course:
    """One run of the loop, and how far it has come.

    ``looks``: what to do every so many steps with the averaged weights. ``minutes`` bounds this
    call, not the run; it is looked at between steps.
    """

    recipe: LdmRecipe
    module: Denoising
    scheduler: Any
    samples: Samples
    accelerator: Any
    folder: Path
    data: str = ""
    looks: list[tuple[int, AtStep]] = field(default_factory=list)
    minutes: float | None = None
    report: Report = ignore

    def run(self) -> dict[str, Any]:
        """Train to the end, or as long as there is time. On return ``module`` holds the averaged
        weights. Gives steps, seconds, and whether it is finished."""
        o, watch, accelerator = self.recipe.optimizer, self.recipe.watch, self.accelerator
        parameters = trainable_parameters(self.module)
        names = trainable_names(self.module)
        optimizer = torch.optim.AdamW(
            parameters,
            lr=o.learning_rate,
            betas=(o.betas[0], o.betas[1]),
            weight_decay=o.weight_decay,
            eps=o.epsilon,
        )
        rates = get_scheduler(
            o.schedule, optimizer, num_warmup_steps=o.warmup, num_training_steps=o.steps
        )
        shares = Shares(o.batch, o.accumulate, accelerator.num_processes)
        of = checkpoint.digest_of(self.recipe, self.data, accelerator.num_processes)
        self.module.to(accelerator.device).train()
        average = EMAModel(parameters, decay=o.ema)
        average.to(accelerator.device)
        wrapped, stepper = accelerator.prepare(self.module, optimizer)

        state = checkpoint.newest(self.folder / "state", "cpu", of)
        step, spent_s, lost = 0, 0.0, 0
        if state is not None:
            load_trainable(self.module, state["model"])
            optimizer.load_state_dict(state["optimizer"])
            average.load_state_dict(state["average"])
            average.to(accelerator.device)
            rates.load_state_dict(state["rates"])
            if accelerator.scaler is not None and state["scaler"]:
                accelerator.scaler.load_state_dict(state["scaler"])
            step, spent_s = state["step"], state["seconds"]
        journal = Journal(self.folder, step) if accelerator.is_main_process else None
        began = time.monotonic()

        def save() -> None:
            if not accelerator.is_main_process:
                return
            held = dict(self.module.named_parameters())
            checkpoint.save(
                self.folder / "state",
                step,
                {
                    "of": of,
                    "step": step,
                    "seconds": spent_s + time.monotonic() - began,
                    "model": {n: held[n].detach() for n in names},
                    "optimizer": optimizer.state_dict(),
                    "average": average.state_dict(),
                    "rates": rates.state_dict(),
                    "scaler": accelerator.scaler.state_dict() if accelerator.scaler else {},
                },
                watch.keep,
            )

        def look() -> None:
            due = [act for every, act in self.looks if every and _due(step, every, o.steps)]
            if not due:
                return
            average.store(parameters)
            average.copy_to(parameters)
            found: dict[str, Any] = {}
            for act in due:
                found |= act(step, self.module)
            average.restore(parameters)
            if journal is not None and found:
                journal.add(step, **found)
            accelerator.log(found, step=step)

        def tell(detail: str) -> None:
            try:
                self.report(Step("train", step, o.steps, detail))
            except BaseException:
                # Whoever listens wants to stop: between two steps nothing is lost by it.
                save()
                raise

        seen = torch.zeros(2, dtype=torch.float64)
        since = told = time.monotonic()
        while step < o.steps:
            if self._out_of_time(began):
                break
            total = torch.zeros((), dtype=torch.float64)
            for turn in range(o.accumulate):
                numbers = shares.numbers(step, turn, accelerator.process_index)
                batch = self.samples.batch(numbers, step).to(accelerator.device)
                with accelerator.accumulate(wrapped):
                    # Dropout inside the denoiser, where it has any, is these samples' own.
                    torch.manual_seed(
                        int(rng_of(self.recipe.seed, numbers[0], "layers").integers(2**62))
                    )
                    loss = self._loss(wrapped, batch)
                    accelerator.backward(loss)
                total += loss.detach().double().cpu() / o.accumulate
            norm = accelerator.clip_grad_norm_(parameters, o.clip or float("inf"))
            finite = bool(torch.isfinite(torch.as_tensor(norm)))
            if finite or accelerator.scaler is not None:
                # With fp16 the scaler itself leaves a step out and lowers its scale.
                stepper.step()
            lost = 0 if finite else lost + 1
            if lost == LOST_STEPS:
                raise DeviceError(
                    f"the gradient has not been finite for {lost} steps.",
                    hint="Lower learning_rate, or set precision to bf16 or no.",
                )
            stepper.zero_grad()
            rates.step()
            average.step(parameters)
            step += 1
            seen += torch.tensor([float(total), 1.0], dtype=torch.float64)
            if _due(step, watch.log_every, o.steps):
                mean = self._over_processes(seen[0] / seen[1])
                pace = float(seen[1]) * shares.in_a_step / max(1e-9, time.monotonic() - since)
                row = {
                    "loss": round(mean, 6),
                    "learning_rate": optimizer.param_groups[0]["lr"],
                    "gradient_norm": round(float(norm), 6),
                    "samples_per_s": round(pace, 3),
                }
                if journal is not None:
                    journal.add(step, **row)
                accelerator.log(row, step=step)
                seen.zero_()
                since = time.monotonic()
            if time.monotonic() - told > 1 or _due(step, watch.log_every, o.steps):
                tell(f"loss {float(total):.4f}")
                told = time.monotonic()
            look()
            if watch.save_every and step % watch.save_every == 0 and step < o.steps:
                save()
        save()
        average.copy_to(parameters)
        self.module.eval()
        return {
            "step": step,
            "seconds": round(spent_s + time.monotonic() - began, 3),
            "finished": step >= o.steps,
            "samples_a_step": shares.in_a_step,
            "trainable_parameters": sum(p.numel() for p in parameters),
        }

    def _loss(self, wrapped: Any, batch: Batch) -> Tensor:
        noisy = self.scheduler.add_noise(batch.latents, batch.noise, batch.timesteps)
        target = target_of(self.scheduler, batch.latents, batch.noise, batch.timesteps)
        said = wrapped(noisy, batch.timesteps, batch.rows, batch.kept)
        weights = min_snr_weights(
            self.scheduler,
            batch.timesteps,
            self.recipe.optimizer.snr_gamma,
            self.recipe.optimizer.snr_weights,
        )
        return (errors_of(said, target) * weights).mean()

    def _out_of_time(self, began: float) -> bool:
        """Whether the time is up; every process hears the same answer."""
        if self.minutes is None:
            return False
        return self._over_processes(float(time.monotonic() - began > 60 * self.minutes)) > 0

    def _over_processes(self, value: Any) -> float:
        here = torch.tensor([float(value)], device=self.accelerator.device)
        return float(self.accelerator.gather(here).double().mean())


def _due(step: int, every: int, last: int) -> bool:
    return step % every == 0 or step == last
