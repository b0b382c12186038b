"""Renders made less clean, for learning: what films by hand have and simulated scenes lack.

Fewer pictures a second; another film shown through, with its strikes; a camera in a hand; and
clutter that moves with it, though not quite alike, as things at another distance do. All of it on
the small pictures of the motion meter, which takes milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Rng = np.random.Generator
Lumas = NDArray[np.float32]

FEWER, ANOTHER, HELD, CLUTTERED = 0.6, 0.5, 0.75, 0.8
"""How often each is done; clutter only where the camera is held."""
FASTEST_STEP_S = 0.045
"""Of films with longer steps no picture is left out: 12 a second are the fewest."""
GRAIN = (0.0, 0.0, 0.5, 1.0)
"""Deviations of the noise, in levels of 255; one is drawn."""
PATH_HZ = 50
FINE = 2
"""Pixels of the clutter to one of the picture."""


@dataclass(frozen=True)
class SmallFilm:
    """``lumas``: (n, h, w) uint8; ``times_s``: (n,); ``hits``: (time in s, strength) of each."""

    lumas: NDArray[np.uint8]
    times_s: NDArray[np.float64]
    hits: tuple[tuple[float, float], ...]


def roughened(film: SmallFilm, other: SmallFilm, rng: Rng) -> SmallFilm:
    """The film as it might have been; ``other`` is what may show through it."""
    film = _fewer(film, rng) if rng.random() < FEWER else film
    lumas, hits = film.lumas.astype(np.float32), film.hits
    if rng.random() < ANOTHER:
        at = np.searchsorted(other.times_s, film.times_s + 1e-6) - 1
        share = np.float32(rng.uniform(0.35, 0.65))
        lumas = share * lumas + (1 - share) * other.lumas[np.maximum(at, 0)]
        hits = tuple(sorted((*hits, *other.hits)))
    if rng.random() < HELD:
        lumas = _held(lumas, film.times_s, rng)
    lumas = lumas + rng.choice(GRAIN) * rng.standard_normal(lumas.shape)
    return SmallFilm(np.clip(np.round(lumas), 0, 255).astype(np.uint8), film.times_s, hits)


def _fewer(film: SmallFilm, rng: Rng) -> SmallFilm:
    """Every other picture, or every fourth, exposed for longer or not."""
    step_s = float(np.median(np.diff(film.times_s)))
    if step_s >= FASTEST_STEP_S:
        return film
    every = 4 if step_s < FASTEST_STEP_S / 2 and rng.random() < 0.6 else 2
    kept = len(film.lumas) // every
    groups = film.lumas[: kept * every].reshape(kept, every, *film.lumas.shape[1:])
    exposed = groups[:, : int(rng.integers(1, every + 1))].mean(axis=1)
    times_s = film.times_s[: kept * every : every]
    return replace(film, lumas=exposed.round().astype(np.uint8), times_s=times_s)


def _held(lumas: Lumas, times_s: NDArray[np.float64], rng: Rng) -> Lumas:
    """What a camera in a hand sees, of the film and of clutter that shows through it."""
    sway = np.exp(rng.uniform(np.log(0.1), np.log(2.5)))
    # Pixels to the right and down, radians, share of the size.
    units = np.array([1, 1, 0.012, 0.012])
    path = sway * units * np.stack([_sway(times_s, rng) for _ in units], axis=1)
    nearness = rng.uniform(0.6, 1.4)
    share = np.float32(rng.uniform(0.1, 0.6) if rng.random() < CLUTTERED else 0)
    height, width = lumas.shape[1:]
    clutter = leaves(8 * height, 8 * width, rng) if share else None
    out = np.empty_like(lumas)
    for i, luma in enumerate(lumas):
        out[i] = seen_from(luma, path[i] * nearness, 1.0, (width, height))
        if clutter is not None:
            out[i] += share * (seen_from(clutter, path[i], FINE, (width, height)) - out[i])
    return out


def _sway(times_s: NDArray[np.float64], rng: Rng) -> NDArray[np.float64]:
    """(n,) a slow random walk of deviation 1, and a quarter of a quick one."""
    grid = np.arange(0, times_s[-1] + 1, 1 / PATH_HZ)
    total = np.zeros(len(times_s))
    for size, smooth_s in ((1.0, rng.uniform(0.15, 0.6)), (0.25, 0.06)):
        noise = gaussian_filter1d(rng.standard_normal(len(grid)), smooth_s * PATH_HZ, mode="wrap")
        total += size * np.interp(times_s, grid, noise / max(float(noise.std()), 1e-9))
    return total


def leaves(height: int, width: int, rng: Rng) -> Lumas:
    """Dead leaves (Lee, Mumford and Huang 2001): things of all sizes one in front of the other,
    which have the statistics of natural pictures. A little soft."""
    canvas = np.full((height, width), rng.uniform(60, 190), np.float32)
    for _ in range(int(rng.integers(30, 160))):
        size = np.exp(rng.uniform(np.log(8), np.log(120)))
        at = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        sides = (2 * size * rng.uniform(0.3, 1), 2 * size * rng.uniform(0.3, 1))
        turned, shade = float(rng.uniform(0, 180)), float(rng.uniform(10, 245))
        if rng.random() < 0.5:
            cv2.ellipse(canvas, (at, sides, turned), (shade,), -1)
        else:
            corners = cv2.boxPoints((at, sides, turned)).astype(np.int32)
            cv2.fillPoly(canvas, [corners], (shade,))
    return np.asarray(cv2.GaussianBlur(canvas, (0, 0), FINE), np.float32)


def seen_from(
    canvas: Lumas, moved: NDArray[np.float64], scale: float, size: tuple[int, int]
) -> Lumas:
    """(h, w) the middle of a canvas of ``scale`` pixels to one, from a camera moved by (right,
    down, turn, zoom); beyond its edge it is mirrored."""
    right, down, turn, zoom = moved
    along, across = np.cos(turn) * (1 + zoom) * scale, np.sin(turn) * (1 + zoom) * scale
    x, y = (size[0] - 1) / 2 + right, (size[1] - 1) / 2 + down
    middle_x, middle_y = (canvas.shape[1] - 1) / 2, (canvas.shape[0] - 1) / 2
    matrix = np.array([
        [along, -across, middle_x - along * x + across * y],
        [across, along, middle_y - across * x - along * y],
    ])  # fmt: skip
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(canvas, matrix, size, flags=flags, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(seen, np.float32)
