"""Making known times as doubtful as a picture's motion is."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from vtacli.signal.control import onset_curve
from vtacli.training.patterns import Hits


def degraded_hits(rng: np.random.Generator, hits: Hits, window_s: float) -> tuple[Hits, list[int]]:
    """Hits moved by up to 40 ms, some lost, some invented; and for each the index of the true
    hit that it came from, or -1."""
    out, origin = [], []
    lost = rng.uniform(0, 0.2)
    late_s = rng.normal(0, 0.012)  # one lag for the whole window: shutters and codecs
    for i, (time_s, strength) in enumerate(hits):
        if rng.random() < lost:
            continue
        shifted = time_s + late_s + np.clip(rng.normal(0, 0.015), -0.04, 0.04)
        out.append((float(shifted), float(np.clip(strength * rng.uniform(0.6, 1.3), 0.05, 1))))
        origin.append(i)
    for _ in range(rng.poisson(0.5)):
        out.append((float(rng.uniform(0, window_s)), float(rng.uniform(0.05, 0.35))))
        origin.append(-1)
    order = sorted(range(len(out)), key=lambda i: out[i][0])
    return [out[i] for i in order], [origin[i] for i in order]


def motion_of_hits(
    rng: np.random.Generator, hits: Hits, action: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(onset, energy) curves as a camera might give them for these hits and this level of action.

    ``action``: (frames,) sound level at 100 Hz. A picture's energy is related to it loosely, so
    it is blurred, bent and made to waver, and sometimes rises before the blow (a falling hammer).
    """
    frames = len(action)
    times = np.array([t for t, _ in hits], dtype=np.float64)
    strengths = np.array([s for _, s in hits], dtype=np.float64)
    power = rng.uniform(0.5, 1.5)
    onset = onset_curve(times, strengths**power, frames, rng.uniform(0.012, 0.05))
    onset = onset / max(float(onset.max(initial=0)), 0.3) * rng.uniform(0.7, 1.0)
    level = action.astype(np.float64) / max(float(action.max(initial=0)), 1e-3)
    level = gaussian_filter1d(level ** rng.uniform(0.3, 1.0), rng.uniform(4, 15))
    if rng.random() < 0.5 and len(hits):
        level = np.maximum(level, gaussian_filter1d(np.roll(level, -int(rng.integers(0, 25))), 5))
    level = level * (1 + 0.15 * gaussian_filter1d(rng.standard_normal(frames), 20) * 6)
    level = np.clip(level, 0, None) / max(float(level.max(initial=0)), 0.2)
    if not len(hits) and rng.random() < 0.6:
        # A bed's picture often hardly moves, or moves without a reason that can be heard.
        level = level * rng.uniform(0, 0.3)
    return onset.astype(np.float32), np.clip(level, 0, 1).astype(np.float32)
