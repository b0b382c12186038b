"""What is measured of each recipe of an ablation: its sounds beside the true ones."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from vtacli.evaluation.listeners import SetListener
from vtacli.evaluation.metrics.classes import divergence, inception_score
from vtacli.evaluation.metrics.frechet import frechet_distance
from vtacli.evaluation.metrics.onsets import match_onsets, pooled
from vtacli.evaluation.statistics import Interval, bootstrap
from vtacli.model.loading import quietly
from vtacli.model.pipeline import VtaPipeline
from vtacli.progress import Report, Step
from vtacli.signal.media import Audio
from vtacli.signal.mel import log_mel
from vtacli.signal.onsets import find_onsets
from vtacli.training.data.prepared import PreparedClips
from vtacli.training.ldm.data import divided
from vtacli.training.ldm.order import rng_of
from vtacli.training.ldm.samples import normal, shown

COLUMNS = {
    "validation": "validation loss ↓",
    "onset_f1": "onset F1 ↑",
    "mel": "mel distance ↓",
    "fad": "FAD ↓",
    "kl": "KL ↓",
    "inception": "IS ↑",
}
"""The table's columns, and their heads. Onset F1 is against the true sound's own onsets, within
80 ms; mel distance the mean absolute difference of natural log-mels; FAD, KL and IS are by the
listener's embedding and classes."""


@dataclass(frozen=True, eq=False)
class Sound:
    """What is kept of one sound. ``onsets_s``; ``mel`` (frames, bands); ``embeddings`` (P, D) and
    ``classes`` (C,), or None without a listener."""

    onsets_s: tuple[float, ...]
    mel: NDArray[np.float32]
    embeddings: NDArray[np.float64] | None
    classes: NDArray[np.float64] | None


@dataclass(frozen=True, eq=False)
class Heard:
    """One held-out clip: what the model ``made``, the ``true`` sound, and the true sound through
    the autoencoder (``coded``)."""

    made: Sound
    true: Sound
    coded: Sound


@torch.no_grad()
def sounds_of(
    folder: Path,
    *,
    clips: int,
    seed: int,
    steps: int,
    guidance: float,
    listener: SetListener | None,
    report: Report,
) -> list[Heard]:
    """The sounds of a trained model for the first ``clips`` of those that its run held out."""
    facts = json.loads((folder / "facts.json").read_text(encoding="utf-8"))
    data = facts["recipe"]["data"]
    with quietly():
        pipeline = VtaPipeline.from_pretrained(folder)
    pipeline.to(torch.device(facts["device"]))
    whole = PreparedClips(Path(facts["prepared"]))
    _, away = divided(whole.rows, data["held_out"])
    mode = max(data["modes"], key=lambda m: data["modes"][m])
    found = []
    for number, index in enumerate(away[:clips]):
        example = whole[index]
        row = shown(example.features, mode)
        if row is None:
            continue
        noise = normal(rng_of(seed, number, "ablation"), pipeline.facts.latent_shape)[None]
        made = pipeline(
            pipeline.encoder.condition_of([row.to(pipeline.device)]),
            latents=noise,
            generator=torch.Generator().manual_seed(seed),
            num_inference_steps=steps,
            guidance_scale=guidance,
        )
        latents = pipeline.vae.encode(example.mel[None].to(pipeline.device)).latent_dist.mean
        coded, _ = pipeline.decode(latents * (pipeline.vae.config.scaling_factor or 1.0))
        true = pipeline.vocoder(example.mel[None].to(pipeline.device)).reshape(1, -1).cpu()
        rate = pipeline.facts.rate_hz
        waves = (made.audios[0], true, coded[0])
        found.append(Heard(*(heard(w, rate, listener) for w in waves)))
        report(Step(f"listen to {folder.name}", number + 1, min(clips, len(away))))
    return found


def heard(wave: torch.Tensor, rate_hz: int, listener: SetListener | None) -> Sound:
    """(channels, N) as what is measured of it. What is not finite is silence."""
    mono = torch.nan_to_num(wave.float().mean(dim=0))
    sound = Audio(mono.numpy()[None], rate_hz)
    told = None if listener is None else listener.listen(sound)
    classes = None if told is None or told.classes is None else told.classes.mean(axis=0)
    return Sound(
        tuple(t for t, _ in find_onsets(sound)),
        log_mel(mono[None])[0].numpy(),
        None if told is None else np.asarray(told.embeddings, np.float64),
        None if classes is None else np.asarray(classes, np.float64),
    )


def measured(pairs: Sequence[tuple[Sound, Sound]], seed: int) -> dict[str, Interval]:
    """Figures of (made, true) pairs, with intervals over the pairs."""
    made, true = [m for m, _ in pairs], [t for _, t in pairs]
    counts = [match_onsets(m.onsets_s, t.onsets_s) for m, t in pairs]
    apart = np.array([np.abs(m.mel[: len(t.mel)] - t.mel[: len(m.mel)]).mean() for m, t in pairs])

    def over(statistic: Callable[[Any], float], draws: int = 1000) -> Interval:
        return bootstrap(len(pairs), statistic, seed=seed, draws=draws)

    figures = {
        "onset_f1": over(lambda chosen: pooled(counts[i] for i in chosen).f1),
        "mel": over(lambda chosen: float(apart[chosen].mean())),
    }
    if all(s.embeddings is not None for s in (*made, *true)):
        # Without an interval: resampled clips repeat, and a covariance of repeats is another thing.
        fad = frechet_distance(stacked(made), stacked(true)) if _enough(made, true) else math.nan
        figures["fad"] = Interval(fad, None, None, len(pairs))
    if all(s.classes is not None for s in (*made, *true)):
        kls = np.array([divergence(t.classes, m.classes) for m, t in pairs])  # type: ignore[arg-type]
        figures["kl"] = over(lambda chosen: float(kls[chosen].mean()))
        score = inception_score(np.stack([m.classes for m in made if m.classes is not None]))
        figures["inception"] = Interval(score, None, None, len(pairs))
    return figures


def stacked(sounds: Sequence[Sound]) -> NDArray[np.float64]:
    """(P, D): the embeddings of all stretches of all sounds."""
    return np.concatenate([s.embeddings for s in sounds if s.embeddings is not None])


def _enough(*sides: Sequence[Sound]) -> bool:
    return all(len(stacked(side)) >= 2 for side in sides)
