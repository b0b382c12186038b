"""How much of a sound is the bank again? So that nobody is fooled about what is new.

Sounds and the bank's entries are cut into windows of 0.96 s of log-mel, pooled to 12 steps of 32
bands, each window less its mean and scaled to length 1. A sound's likeness is the mean over its
sounding windows of the largest cosine with any window of the bank. Held-out recordings, which the
bank cannot contain, say what likeness sounds have without being copied.
"""

from __future__ import annotations

from functools import cached_property, partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vtacli.evaluation.figures import Figure
from vtacli.evaluation.notebook import Row
from vtacli.evaluation.statistics import of_mean
from vtacli.evaluation.study import Result, Study
from vtacli.evaluation.take import from_words
from vtacli.evaluation.words import STRIKES, asked
from vtacli.progress import Step
from vtacli.signal.mel import log_mel

SECTION = "likeness"
FRAMES, POOL, BAND_POOL = 96, 8, 2
HOP_FRAMES = 16
"""Windows begin every 0.16 s: an attack is never more than 80 ms out of place."""
QUIETEST = -7.0
"""A window whose mean log-mel is under this is not heard, and not compared."""
CHUNK = 128
"""Latent steps that are decoded at once."""

Windows = NDArray[np.float32]
"""(windows, 384) of unit length."""


def windows_of(mel: NDArray[np.float32]) -> Windows:
    """(frames, 64) log-mel -> its sounding windows."""
    mel = mel[: len(mel) // POOL * POOL]
    if len(mel) < FRAMES:
        mel = np.pad(mel, ((0, FRAMES - len(mel)), (0, 0)), constant_values=-11.5)
    bands = mel.shape[1] // BAND_POOL
    pooled = mel.reshape(len(mel) // POOL, POOL, bands, BAND_POOL).mean(axis=(1, 3))
    every = np.lib.stride_tricks.sliding_window_view(pooled, FRAMES // POOL, axis=0)
    every = every[:: HOP_FRAMES // POOL].reshape(-1, bands * (FRAMES // POOL))
    mean = every.mean(axis=1, keepdims=True)
    sounding = every[mean[:, 0] > QUIETEST] - mean[mean[:, 0] > QUIETEST]
    length = np.linalg.norm(sounding, axis=1, keepdims=True)
    return np.asarray(sounding[length[:, 0] > 0.1] / length[length[:, 0] > 0.1], np.float32)


def likeness(sound: Windows, bank: Windows) -> tuple[float, float] | None:
    """(mean, largest) over the sound's windows of the largest cosine; None for silence."""
    if not len(sound) or not len(bank):
        return None
    best = np.max(sound @ bank.T, axis=1)
    return float(best.mean()), float(best.max())


class BankWindows:
    """The bank's rows decoded to log-mel once, when the first sound is compared."""

    def __init__(self, study: Study):
        self.study = study

    @cached_property
    @torch.no_grad()
    def windows(self) -> Windows:
        study, pipeline = self.study, self.study.pipeline
        bank = pipeline.encoder.bank
        rows = bank.values.astype(np.float32) * bank.scale
        chunks = [rows[i : i + CHUNK] for i in range(0, len(rows) - CHUNK + 1, CHUNK)]
        if not chunks:
            chunks = [rows]
        wanted = max(1, round(len(chunks) * study.suite.bank_share))
        picked = np.linspace(0, len(chunks) - 1, wanted).round().astype(int)
        found = []
        for n, i in enumerate(picked):
            latents = torch.from_numpy(np.ascontiguousarray(chunks[i].T))[None, :, :, None]
            mel = pipeline.vae.decode(latents.to(pipeline.vae.device)).sample
            found.append(windows_of(mel[0, 0].float().cpu().numpy()))
            study.report(Step("decode the bank", n + 1, len(picked)))
        return np.concatenate(found)


def measure(study: Study) -> Result:
    """Generated sounds of some prompts and held-out recordings, against the bank."""
    pipeline = getattr(study.model, "pipeline", None)
    if getattr(getattr(pipeline, "encoder", None), "bank", None) is None:
        return Result([], {})
    suite = study.suite
    book = study.notebook(SECTION, suite.bank_share)
    bank = BankWindows(study)
    prompts = asked(study)
    chosen = [
        prompts[i]
        for i in dict.fromkeys(
            np.linspace(0, len(prompts) - 1, min(suite.likened, len(prompts))).round().astype(int)
        )
    ]
    items: list[tuple[str, Any]] = [
        (f"{p.prompt} #{seed}", partial(_generated, study, p.prompt, seed))
        for p in chosen
        for seed in (0, 1)
    ]
    generated_names = [name for name, _ in items]
    recordings = study.library.held_out()[: 2 * suite.likened] if study.catalogue else []
    items += [(r.file, partial(_recorded, study, r)) for r in recordings]
    rows: dict[str, Row] = {}
    for name, windows in study.each(SECTION, items, lambda i: i[0]):

        def compare(windows: Any = windows) -> Row:
            found = likeness(windows(), bank.windows)
            return {"mean": found and found[0], "largest": found and found[1]}

        rows[name] = book.measured(name, compare)
    study.use("likeness to the bank", (r.file for r in recordings))
    figures = []
    for key, title, names in (
        ("likeness", "likeness to the bank: generated", generated_names),
        (
            "likeness_real",
            "likeness to the bank: held-out recordings",
            [r.file for r in recordings],
        ),
    ):
        values = [rows[n]["mean"] for n in names if rows[n]["mean"] is not None]
        if values:
            figures.append(
                Figure(
                    key,
                    title,
                    of_mean(values, suite.seed),
                    more_is_better=False,
                    measured=f"{len(values)} sounds, {suite.bank_share:.0%} of the bank",
                )
            )
    return Result(figures, {"sounds": [{"name": n, **r} for n, r in rows.items()]})


def _generated(study: Study, prompt: str, seed: int) -> Windows:
    sound = from_words(study.model, prompt, study.suite.seed + seed, STRIKES if seed % 2 else ())
    return _windows(sound.data.mean(axis=0))


def _recorded(study: Study, recording: Any) -> Windows:
    return _windows(study.library.wave(recording)[:163_840])


@torch.no_grad()
def _windows(wave: NDArray[np.float32]) -> Windows:
    wave = np.pad(wave, (0, max(0, 2560 - len(wave))))
    return windows_of(log_mel(torch.from_numpy(wave)[None])[0].numpy())
