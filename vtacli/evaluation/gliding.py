"""Small films in which things glide evenly, or the camera pans: what moves on and strikes nothing.

Simulated scenes hardly have them, since whatever moves there is driven or falls.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.looks import RATES
from vtacli.evaluation.performance import box, disc, moved
from vtacli.evaluation.roughened import FINE, SmallFilm, leaves, seen_from
from vtacli.media.picture import SMALL

OVERSAMPLED = 8
"""Drawn so much larger, and shrunk by averaging, as a decoder's picture is."""
FARTHEST_PAN = (180, 60)
"""Pixels to the side and down in a whole film, within what there is of the clutter."""
MARGIN = 12
"""Pixels beyond the border after which a thing comes in again on the other side."""


def gliding_film(seed: int, i: int, duration_s: float) -> SmallFilm:
    """Film i of a seed: one to three discs or boxes, each at a speed of its own, before an even
    ground, or before clutter that passes evenly."""
    rng = np.random.default_rng([seed, i])
    rate = float(RATES[int(rng.integers(len(RATES)))])
    times_s = np.arange(round(duration_s * rate)) / rate
    width, height = SMALL
    pans = rng.random() < 0.5
    ground = leaves(8 * height, 8 * width, rng) if pans else None
    even = float(rng.uniform(30, 220))
    pan = rng.uniform(-1, 1, 2) * FARTHEST_PAN / duration_s * (rng.random() < 0.7)
    things = [_Thing(rng) for _ in range(int(rng.integers(0 if pans else 1, 4)))]
    lumas = np.empty((len(times_s), height, width), np.uint8)
    for n, time_s in enumerate(times_s):
        shift = pan * (time_s - duration_s / 2)
        if ground is None:
            picture = np.full((height, width), even, np.float32)
        else:
            picture = seen_from(ground, np.array([*shift, 0, 0]), FINE, SMALL)
        for thing in things:
            picture = thing.before(picture, float(time_s))
        lumas[n] = picture.round()
    return SmallFilm(lumas, times_s, ())


class _Thing:
    """A disc or a box that glides straight on, at up to the picture's width in a second."""

    def __init__(self, rng: np.random.Generator) -> None:
        radius = rng.uniform(1.0, 6.0)
        self._shape = disc(radius) if rng.random() < 0.5 else box(2 * radius, radius)
        self._shade = float(rng.uniform(10, 245))
        self._from = rng.uniform(0, 1, 2) * SMALL
        self._speed = np.exp(rng.uniform(np.log(3), np.log(64))) * _direction(rng)

    def before(self, picture: NDArray[np.float32], time_s: float) -> NDArray[np.float32]:
        """The picture (h, w) with the thing at this time in front of it."""
        wide = np.array(SMALL) + 2 * MARGIN
        x, y = (self._from + self._speed * time_s + MARGIN) % wide - MARGIN
        outline = moved(self._shape, np.array([x]), np.array([y]), 0.0)[0]
        large = np.zeros((SMALL[1] * OVERSAMPLED, SMALL[0] * OVERSAMPLED), np.uint8)
        cv2.fillPoly(large, [np.round(outline * OVERSAMPLED).astype(np.int32)], (255,))
        cover = cv2.resize(large, SMALL, interpolation=cv2.INTER_AREA) / np.float32(255)
        return np.asarray(picture + cover * (self._shade - picture), np.float32)


def _direction(rng: np.random.Generator) -> NDArray[np.float64]:
    """(2,) right and down; mostly sideways."""
    angle = rng.normal(0, 0.3) + np.pi * int(rng.integers(0, 2))
    return np.array([np.cos(angle), np.sin(angle)])
