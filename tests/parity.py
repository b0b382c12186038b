"""Does this program compute what the published code computed?

    python tests/parity.py DIR [MODEL]

DIR is laid out like ``tests/reference``: the published files under their own names, at any width,
``inputs.safetensors`` and any of ``expected_base.safetensors``, ``expected_pe.safetensors`` and
``expected_text.safetensors``. The folder goes through the importer and the pipeline that users
have. MODEL is a model's folder that ``vta models import`` made of it: then that one is held against
the recordings of its variant. One row a stage: the largest absolute error and its tolerance. Exit 1
where one is over.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import floor
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from vtacli.model import samplers
from vtacli.model.checkpoint import import_published
from vtacli.model.condition import Condition
from vtacli.model.contract import NoiseKey, WindowContent
from vtacli.model.describe import variant_of
from vtacli.model.loading import quietly
from vtacli.model.pipeline import VtaPipeline
from vtacli.signal.media import Frames
from vtacli.signal.mel import log_mel

PROMPTS = ("rain on a tin roof", "a dog barks twice")
GUIDANCE = 3.0
TIMESTEP = 501


@dataclass(frozen=True)
class Row:
    variant: str
    stage: str
    error: float
    tolerance: float

    @property
    def ok(self) -> bool:
        return self.error <= self.tolerance  # False for NaN too

    def __str__(self) -> str:
        verdict = "ok" if self.ok else "OVER"
        stage = f"{self.variant:5} {self.stage:24}"
        return f"{stage} {self.error:10.3e} {self.tolerance:10.0e}  {verdict}"


def published_frame_indices(frame_count: int, rate: float, wanted_per_s: float = 2.0) -> list[int]:
    """Which frames the published code takes: it drops the fraction of the frame rate, so at 29.97
    it steps 14.5 frames of 1/29.97 s and slides. Only here, to say what it did."""
    whole_rate = int(rate)
    seconds = (frame_count + whole_rate - 1) // whole_rate
    step = whole_rate / wanted_per_s
    return [floor(i) for i in np.arange(0, seconds * whole_rate, step)]


def contents(inputs: dict[str, Tensor], variant: str) -> list[WindowContent]:
    names = sorted((n for n in inputs if n.startswith("frames_")), key=lambda n: int(n[7:]))
    made = []
    for i, name in enumerate(names):
        data = inputs[name].numpy()
        frames = Frames(data, np.arange(len(data)) / 2)
        prompt = PROMPTS[i % len(PROMPTS)] if variant == "text" else None
        made.append(WindowContent(frames, 10.24, NoiseKey(0, 0, i), prompt=prompt))
    return made


@contextmanager
def recorded_noise(noise: Tensor) -> Iterator[None]:
    """Let the ancestral scheduler draw the recorded noise, (steps, windows, …), as the pipeline
    asks for it: window by window, all the steps of each."""
    from diffusers.schedulers import scheduling_ddpm

    drawn = (noise[step, i : i + 1] for i in range(noise.shape[1]) for step in range(len(noise)))
    real = scheduling_ddpm.randn_tensor
    scheduling_ddpm.randn_tensor = lambda *args, **kwargs: next(drawn)
    try:
        yield
    finally:
        scheduling_ddpm.randn_tensor = real


def worst(ours: Tensor, theirs: Tensor) -> float:
    if ours.shape != theirs.shape:
        raise SystemExit(f"shape {tuple(ours.shape)} where {tuple(theirs.shape)} was recorded")
    return float((ours.double() - theirs.double()).abs().max())


@torch.no_grad()
def rows(folder: Path, variant: str, model_folder: Path) -> Iterator[Row]:
    expected = load_file(folder / f"expected_{variant}.safetensors")
    with quietly():
        pipe = VtaPipeline.from_pretrained(model_folder).to(torch.float32)

    def row(stage: str, ours: Tensor, key: str, tolerance: float) -> Row:
        return Row(variant, stage, worst(ours, expected[key]), tolerance)

    asked = pipe.encoder.condition(contents(load_file(folder / "inputs.safetensors"), variant))
    away = pipe.encoder.uncondition(None, asked)
    both = Condition.stack([away, asked])
    yield row("conditioning", both.tokens, "encoder_hidden_states", 1e-4)
    yield row("conditioning mask", both.mask, "encoder_attention_mask", 0)

    noise = expected["initial_noise"]
    predicted = pipe.unet(
        torch.cat([noise, noise]),
        TIMESTEP,
        encoder_hidden_states=both.tokens,
        encoder_attention_mask=both.mask,
    ).sample
    yield row(f"UNet at {TIMESTEP}", predicted, "unet_out_t501", 1e-4)

    if "latents" in expected:
        yield from sampled(pipe, asked, away, expected, row)
    if "vae_moments_of_mel" in expected:
        mel = expected["mel"].clamp(-11, 3)
        moments = pipe.vae.encode(mel).latent_dist.parameters
        yield row("VAE moments", moments, "vae_moments_of_mel", 1e-3)
    if "training_mel" in expected:
        mel = log_mel(expected["training_wave"].float(), transform="convolution")
        yield row("mel front end", mel, "training_mel", 1e-3)


def sampled(
    pipe: Any, asked: Condition, away: Condition, expected: dict[str, Tensor], row: Any
) -> Iterator[Row]:
    """The recorded ancestral steps, then mel and sound of what they led to."""
    pipe.scheduler = samplers.build("ddpm", pipe.scheduler.config)
    seen: list[Tensor] = []

    def note(pipe: Any, step: int, timestep: Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
        seen.append(timestep)
        return {}

    steps = len(expected["timesteps"])
    with recorded_noise(expected["step_noise"]):
        result = pipe(
            asked,
            negative=away,
            latents=expected["initial_noise"],
            num_inference_steps=steps,
            guidance_scale=GUIDANCE,
            callback_on_step_end=note,
        )
    yield row("timesteps", torch.stack(seen[:steps]), "timesteps", 0)
    yield row("latents", result.latents, "latents", 1e-3)
    yield row("mel", result.mels, "mel", 1e-3)
    recorded = expected["waveform_int16"].float() / 32768
    whole = pipe.vocoder(result.mels)
    yield Row("base", "waveform", worst(whole, recorded), 2e-3)
    samples = result.audios.shape[-1]
    cut = worst(result.audios[:, 0], recorded[:, :samples])
    yield Row("base", "waveform, one window", cut, 2e-3)


def imported(folder: Path, variant: str, model_folder: Path) -> Path:
    summary = f"summary_{variant}.jsonl"
    if not (folder / summary).exists():
        summary = "summary.jsonl"
    import_published(folder, model_folder, summary=summary, variant=f"vta-ldm-{variant}")
    return model_folder


def check(folder: Path, model: Path | None = None) -> list[Row]:
    """Every row for every variant that the folder has expectations for, or for that of a model."""
    if model is not None:
        return list(rows(folder, variant_of(model).name.removeprefix("vta-ldm-"), model))
    found = [v for v in ("base", "pe", "text") if (folder / f"expected_{v}.safetensors").exists()]
    if not found:
        raise SystemExit(f"{folder}: no expected_base, expected_pe or expected_text.safetensors")
    with tempfile.TemporaryDirectory() as scratch:
        return [
            row for v in found for row in rows(folder, v, imported(folder, v, Path(scratch, v)))
        ]


def main(argv: list[str]) -> int:
    if len(argv) not in (1, 2):
        print(__doc__, file=sys.stderr)
        return 2
    found = check(*map(Path, argv))
    print(f"{'model':5} {'stage':24} {'max error':>10} {'tolerance':>10}")
    for row in found:
        print(row)
    failed = sum(not row.ok for row in found)
    print(f"{len(found) - failed} of {len(found)} stages within tolerance")
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    raise SystemExit(main(sys.argv[1:]))
