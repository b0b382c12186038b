"""Pictures of a performance under a look: backdrop, actors, blur of movement, light and grain."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.looks import Look
from vtacli.evaluation.performance import HALF_WIDTH, POSE_HZ, Actor, Performance

FINE = 4
"""Bits of a pixel's fraction that OpenCV draws with."""

Picture = NDArray[np.uint8]


class Painter:
    """Draws the pictures of one film, in order."""

    def __init__(self, performance: Performance, look: Look, rng: np.random.Generator) -> None:
        self._play, self._look = performance, look
        self._width, self._height = look.size
        self._unit = self._width / (2 * HALF_WIDTH)
        self._ground = _backdrop(look, rng, self._unit)
        self._grain = _grain(look, rng)
        self._rng = rng
        self._seen: tuple[tuple[float, ...], Picture] | None = None

    def pictures(self, count: int) -> Iterator[Picture]:
        """(H, W, 3) uint8 BGR, ``count`` of them at the look's rate. Picture n begins to be
        exposed at n / rate, when it is shown."""
        look = self._look
        for n in range(count):
            start = n / look.rate * POSE_HZ
            span = look.shutter / look.rate * POSE_HZ
            poses = [int(start + span * g / look.ghosts) for g in range(look.ghosts)]
            light = look.light[poses[0]]
            ghosts = [self._ghost(pose) for pose in dict.fromkeys(poses)]
            exposed = ghosts[0]
            if len(ghosts) > 1:
                total = np.zeros(exposed.shape, np.float32)
                for ghost in ghosts:
                    cv2.accumulate(ghost, total)
                exposed = cv2.convertScaleAbs(total, alpha=light / len(ghosts))
            else:
                exposed = cv2.convertScaleAbs(exposed, alpha=light)
            yield self._finished(exposed)

    def _ghost(self, pose: int) -> Picture:
        look = self._look
        x, y, zoom = map(float, look.camera[pose])
        if self._play.follow is not None:
            x += float(self._play.follow[pose])
        scale = self._unit * zoom
        middle = self._width / 2, self._height * look.horizon
        picture = self._backdrop_at(x, y, zoom).copy()
        if look.shadows:
            for actor in self._play.actors:
                self._shadow(picture, actor.outline[pose], (x, y), scale, middle)
        for i, actor in enumerate(self._play.actors):
            lit = self._play.blinks.get(i)
            if lit is not None and not lit[pose]:
                continue
            _fill(picture, (actor.outline[pose] - (x, y)) * scale + middle, self._colour(actor))
        return np.asarray(picture, np.uint8)

    def _backdrop_at(self, x: float, y: float, zoom: float) -> Picture:
        if self._seen is not None and self._seen[0] == (x, y, zoom):
            return self._seen[1]
        # From the picture to the backdrop, whose floor begins at its own horizon.
        left = (x * self._unit - self._width / 2 / zoom) % (2 * self._width)
        high = self._ground.shape[0] * self._look.horizon
        top = y * self._unit + high - self._height * self._look.horizon / zoom
        picture = cv2.warpAffine(
            self._ground,
            np.array([[1 / zoom, 0, left], [0, 1 / zoom, top]]),
            (self._width, self._height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        self._seen = (x, y, zoom), np.asarray(picture, np.uint8)
        return self._seen[1]

    def _colour(self, actor: Actor) -> tuple[float, float, float]:
        b, g, r = np.clip(self._look.colours[actor.tone] * actor.shade, 0, 255)
        return float(b), float(g), float(r)

    def _shadow(
        self,
        picture: Picture,
        outline: NDArray[np.float32],
        camera: tuple[float, float],
        scale: float,
        middle: tuple[float, float],
    ) -> None:
        """A flat shadow on the floor, aside as far as the thing is high."""
        low = -outline[:, 1]
        cast = np.stack([outline[:, 0] + 0.5 * low, 0.05 + 0.16 * low], axis=1)
        b, g, r = self._look.colours[7] * 0.7
        _fill(picture, (cast - camera) * scale + middle, (float(b), float(g), float(r)))

    def _finished(self, picture: Picture) -> Picture:
        if self._grain is not None:
            down, right = self._rng.integers(0, 64, 2)
            grain = self._grain[down : down + self._height, right : right + self._width]
            picture = cv2.add(picture, grain, dtype=cv2.CV_8U)
        bar = int(self._look.letterbox * self._height)
        if bar:
            picture[:bar], picture[-bar:] = 0, 0
        return picture


def _fill(picture: Picture, points: NDArray[np.float64], colour: tuple[float, ...]) -> None:
    height, width = picture.shape[:2]
    low, high = points.min(axis=0), points.max(axis=0)
    if high[0] < 0 or high[1] < 0 or low[0] > width or low[1] > height:
        return
    fixed = np.round(np.clip(points, -4 * width, 5 * width) * (1 << FINE)).astype(np.int32)
    cv2.fillPoly(picture, [fixed], colour, lineType=cv2.LINE_AA, shift=FINE)


def _grain(look: Look, rng: np.random.Generator) -> NDArray[np.int16] | None:
    if not look.grain:
        return None
    width, height = look.size
    noise = rng.normal(0, look.grain, (height + 64, width + 64, 1))
    noise = cv2.GaussianBlur(noise, (0, 0), 0.6)[..., None] * 1.6
    return np.asarray(np.repeat(np.round(noise), 3, axis=2), np.int16)


def _backdrop(look: Look, rng: np.random.Generator, unit: float) -> Picture:
    """Twice as wide as the picture and repeated, so that the camera can go on without end."""
    width, height = 2 * look.size[0], 2 * look.size[1]
    back, second, floor = look.colours[5:8]
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    if look.ground == "flat":
        mix = np.zeros((height, width), np.float32)
    elif look.ground == "gradient":
        mix = y / height
    elif look.ground == "planks":
        mix = ((x / unit) % 2 < 0.08) + 0.3 * np.sin(x // (2 * unit) * 12.9) ** 2
    elif look.ground == "checks":
        mix = ((x // (1.6 * unit) + y // (1.6 * unit)) % 2).astype(np.float32)
    else:
        coarse = 3 if look.ground == "noise" else 14
        mix = _clouds(rng, height, width, coarse)
    wall = back + (second - back) * mix[..., None]
    stripes = _clouds(rng, height, width, 4)[..., None] * 18 - 9
    line = int(height * look.horizon)
    wall[line:] = floor + stripes[line:] * (look.ground != "flat")
    wall = np.concatenate([wall, wall[:, : int(1.5 * look.size[0])]], axis=1)
    return np.asarray(np.clip(wall, 0, 255), np.uint8)


def _clouds(
    rng: np.random.Generator, height: int, width: int, smooth: float
) -> NDArray[np.float32]:
    noise = rng.standard_normal((height, width)).astype(np.float32)
    edge = int(4 * smooth)  # blurred across the seam, at which the backdrop repeats
    wide = np.concatenate([noise[:, -edge:], noise, noise[:, :edge]], axis=1)
    blurred = cv2.GaussianBlur(wide, (0, 0), smooth)[:, edge:-edge]
    low, high = np.percentile(blurred[::8, ::8], [2, 98])
    return np.asarray(np.clip((blurred - low) / (high - low), 0, 1), np.float32)
