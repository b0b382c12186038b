"""What a model in training sounds like: a few clips as WAV, each with a picture of its mel."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from vtacli.errors import StorageError
from vtacli.model.encoders.features import WindowFeatures
from vtacli.model.pipeline import VtaPipeline
from vtacli.training.ldm.latents import Example
from vtacli.training.ldm.order import rng_of
from vtacli.training.ldm.samples import normal, shown

DARKEST, BRIGHTEST = -9.0, 1.5
"""Natural log-mel shown as the ends of the colours."""


@torch.no_grad()
def listen(
    pipeline: VtaPipeline,
    examples: Sequence[Example],
    mode: str,
    folder: Path,
    *,
    seed: int,
    steps: int,
    guidance: float,
) -> list[Path]:
    """Make each example's sound from the same noise every time, beside its true mel.

    Writes ``NUMBER.wav`` and ``NUMBER.png`` (above: made; below: true) and gives the WAV files.
    """
    written = []
    for number, example in enumerate(examples):
        row: WindowFeatures | None = shown(example.features, mode)
        if row is None:
            continue
        asked = pipeline.encoder.condition_of([row.to(pipeline.device)])
        noise = normal(rng_of(seed, number, "listen"), pipeline.facts.latent_shape)[None]
        made = pipeline(
            asked,
            latents=noise,
            generator=torch.Generator().manual_seed(seed),
            num_inference_steps=steps,
            guidance_scale=guidance,
        )
        wave = np.nan_to_num(made.audios[0].mean(dim=0).numpy())
        path = folder / f"{number}.wav"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            soundfile.write(path, wave, pipeline.facts.rate_hz, subtype="PCM_16")
            path.with_suffix(".png").write_bytes(
                picture_of(made.mels[0, 0].numpy(), example.mel[0].numpy())
            )
        except OSError as error:
            raise StorageError(f"a sample cannot be written: {error}", path=path) from error
        written.append(path)
    return written


def picture_of(*mels: NDArray[np.float32]) -> bytes:
    """A PNG of log-mels (frames, bands), one below the other, low frequencies at the bottom."""
    import cv2

    rows = []
    for mel in mels:
        shade = np.clip((np.nan_to_num(mel) - DARKEST) / (BRIGHTEST - DARKEST), 0, 1)
        grey = np.round(shade.T[::-1] * 255).astype(np.uint8)
        grey = cv2.resize(grey, (768, 128), interpolation=cv2.INTER_AREA)
        rows += [cv2.applyColorMap(grey, cv2.COLORMAP_MAGMA), np.full((4, 768, 3), 255, np.uint8)]
    coded, data = cv2.imencode(".png", np.concatenate(rows[:-1]))
    if not coded:
        raise ValueError("the picture could not be coded")
    return bytes(data.tobytes())
