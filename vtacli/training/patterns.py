"""When things strike: times and strengths such as pictures of the world have."""

from __future__ import annotations

import numpy as np

Hits = list[tuple[float, float]]


def single(rng: np.random.Generator, length_s: float) -> Hits:
    """One to three blows anywhere."""
    times = np.sort(rng.uniform(0, length_s - 0.3, int(rng.integers(1, 4))))
    return [(float(t), float(rng.uniform(0.4, 1))) for t in times]


def periodic(rng: np.random.Generator, length_s: float) -> Hits:
    """Steps, hammering: an even beat with human unevenness."""
    period = float(np.exp(rng.uniform(np.log(0.22), np.log(1.6))))
    start, stop = rng.uniform(0, 2), length_s - rng.uniform(0, 3)
    times = np.arange(start, stop, period)
    times = times + rng.normal(0, 0.03 * period, len(times))
    base = rng.uniform(0.5, 0.95)
    return [(float(t), float(np.clip(base + rng.normal(0, 0.12), 0.15, 1))) for t in times if t > 0]


def bounce(rng: np.random.Generator, length_s: float) -> Hits:
    """A dropped ball: gaps and speeds shrink by the coefficient of restitution."""
    time, gap, keep = rng.uniform(0, length_s / 2), rng.uniform(0.4, 1.2), rng.uniform(0.6, 0.85)
    hits, strength = [], 1.0
    while gap > 0.06 and time < length_s - 0.1 and strength > 0.1:
        hits.append((float(time), float(strength)))
        time, gap, strength = time + gap, gap * keep, strength * keep
    return hits


def bursts(rng: np.random.Generator, length_s: float) -> Hits:
    """Groups of quick blows with rests between."""
    hits, time = [], rng.uniform(0, 2)
    while time < length_s - 0.5:
        for _ in range(int(rng.integers(2, 7))):
            hits.append((float(time), float(rng.uniform(0.3, 1))))
            time += rng.uniform(0.1, 0.35)
        time += rng.uniform(0.8, 3)
    return [h for h in hits if h[0] < length_s - 0.1]


def scattered(rng: np.random.Generator, length_s: float) -> Hits:
    """A Poisson process."""
    count = 1 + rng.poisson(rng.uniform(0.3, 2.0) * length_s)
    times = np.sort(rng.uniform(0, length_s - 0.1, count))
    keep = np.concatenate([[True], np.diff(times) > 0.08])
    return [(float(t), float(rng.uniform(0.2, 1))) for t in times[keep]]


PATTERNS = (single, periodic, bounce, bursts, scattered)


def draw(rng: np.random.Generator, length_s: float) -> Hits:
    """Hits of a pattern drawn at random, in order, each with 0 <= time < length_s."""
    shape = PATTERNS[int(rng.choice(len(PATTERNS), p=(0.2, 0.3, 0.15, 0.15, 0.2)))]
    return sorted((t, s) for t, s in shape(rng, length_s) if 0 <= t < length_s)
