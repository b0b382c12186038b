"""A quick look at a trained denoiser: do the hits sound where they should?

Held-out compositions (recordings that no stage trained on) give known hit times. The same onset
detector hears the true windows (the ceiling), the model's sound with hits written, with motion
alone, with nothing but words, and with another window's curves (chance).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from vtacli.model.contract import NoiseKey, Sampling, WindowContent
from vtacli.model.loading import load_model
from vtacli.progress import Report, Step
from vtacli.signal.media import Audio, Curve, Frames
from vtacli.signal.onsets import find_onsets
from vtacli.training.composer import Composer, Composition
from vtacli.training.degrade import degraded_hits, motion_of_hits
from vtacli.training.loop import rng_of

NOTHING_SEEN = Frames(np.zeros((0, 3, 224, 224), np.uint8), np.zeros(0))


def hit_counts(
    heard: Sequence[float], true: Sequence[float], tolerance_s: float = 0.08
) -> tuple[int, int, int]:
    """(found, false, missed), each true hit matched to at most one onset, the nearest first."""
    pairs = sorted(
        (abs(h - t), i, j)
        for i, h in enumerate(heard)
        for j, t in enumerate(true)
        if abs(h - t) <= tolerance_s
    )
    used_heard: set[int] = set()
    used_true: set[int] = set()
    for _, i, j in pairs:
        if i not in used_heard and j not in used_true:
            used_heard.add(i)
            used_true.add(j)
    return len(used_true), len(heard) - len(used_heard), len(true) - len(used_true)


def f1(counts: Sequence[tuple[int, int, int]]) -> float:
    """The F measure over all windows' counts together."""
    found, false, missed = np.sum(np.array(counts), axis=0)
    return float(2 * found / max(1, 2 * found + false + missed))


def motion_curve(made: Composition, rng: np.random.Generator, window_s: float) -> Curve:
    """A camera's view of a composition: 25 frames a second, energy and onset."""
    doubtful, _ = degraded_hits(rng, made.hits, window_s)
    onset, energy = motion_of_hits(rng, doubtful, made.action)
    times = np.arange(0, window_s, 0.04)
    index = np.minimum((times * 100).astype(int), len(onset) - 1)
    # A frame shows what happened since the one before it.
    held = np.array([onset[i : i + 4].max() for i in index])
    return Curve(times, np.stack([energy[index] * 0.02, held], axis=1).astype(np.float32))


def denoiser_score(
    folder: Path, composer: Composer, seed: int, report: Report, count: int = 40
) -> dict[str, float]:
    """F1 of onsets against known hits, for the truth and for each way of asking."""
    model = load_model(folder, device="cpu")
    rows: dict[str, list[tuple[int, int, int]]] = {}
    made = [composer.compose(rng_of(seed, i, "score")) for i in range(6 * count)]
    made = [m for m in made if 2 <= len(m.hits) <= 30][:count]
    for i, composition in enumerate(made):
        rng = rng_of(seed, i, "camera")
        true = [t for t, _ in composition.hits]
        other = made[(i + 1) % len(made)]
        asked = {
            "hits_written": {"hits": tuple(composition.hits)},
            "motion_alone": {"motion": motion_curve(composition, rng, composer.window_s)},
            "words_alone": {},
            "shuffled": {"hits": tuple(other.hits)},
        }
        truth = find_onsets(Audio(composition.wave[None], model.variant.rate_hz))
        rows.setdefault("truth", []).append(hit_counts([t for t, _ in truth], true))
        for name, extra in asked.items():
            content = WindowContent(
                NOTHING_SEEN,
                composer.window_s,
                NoiseKey(seed, i, 0),
                prompt=composition.caption,
                **extra,  # type: ignore[arg-type]
            )
            sound = model.generate([content], Sampling())[0]
            heard = [t for t, _ in find_onsets(sound)]
            rows.setdefault(name, []).append(hit_counts(heard, true))
        report(Step("score", i + 1, len(made)))
    return {f"onset_f1_{name}": f1(counts) for name, counts in rows.items()}
