"""How a render is shot: size, rate, colours, light, grain, and what the camera does."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.distractors import wander
from vtacli.evaluation.performance import POSE_HZ, poses_of

RATES = (
    *(Fraction(n) for n in (12, 24, 25, 30, 50)),
    Fraction(24000, 1001),
    Fraction(30000, 1001),
)
SIZES = ((320, 180), (320, 240), (384, 288), (426, 240), (480, 270), (512, 512), (640, 360))
GROUNDS = ("flat", "gradient", "texture", "noise", "planks", "checks")


@dataclass(frozen=True)
class Look:
    """``camera``: (T, 3) at the poses' rate: x, y in stage units, and the zoom (1 shows the whole
    stage). ``light``: (T,) factor. ``cut_s``: when a second camera takes over, or None.
    ``shutter``: share of a picture's time that it is exposed. ``grain``: deviation in levels of
    255. ``ghosts``: pictures exposed together to blur movement.
    """

    size: tuple[int, int]
    rate: Fraction
    ground: str
    colours: NDArray[np.float64]
    horizon: float
    camera: NDArray[np.float64]
    light: NDArray[np.float64]
    cut_s: float | None
    shutter: float
    ghosts: int
    grain: float
    letterbox: float
    shadows: bool
    crf: int


def look_of(rng: np.random.Generator, duration_s: float, restless: bool = False) -> Look:
    """Draw a look. ``restless``: the camera always does something."""
    rate = RATES[int(rng.integers(len(RATES)))]
    poses = poses_of(duration_s)
    sizes = [s for s in SIZES if rate < 40 or s[0] < 450]  # the work stays within bounds
    cut_s = rng.uniform(2, duration_s - 2) if duration_s > 5 and rng.random() < 0.12 else None
    return Look(
        size=sizes[int(rng.integers(len(sizes)))],
        rate=rate,
        ground=GROUNDS[int(rng.integers(len(GROUNDS)))],
        colours=_colours(rng),
        horizon=rng.uniform(0.72, 0.9),
        camera=_camera(rng, poses, cut_s, restless),
        light=_light(rng, poses),
        cut_s=cut_s,
        shutter=float(rng.choice([0.15, 0.5, 0.5, 0.9])),
        ghosts=max(2, min(4, round(90 / rate))),
        grain=float(rng.choice([0.0, 1.5, 3.0, 5.0])),
        letterbox=0.12 if rng.random() < 0.12 else 0.0,
        shadows=bool(rng.random() < 0.5),
        crf=int(rng.integers(20, 34)),
    )


def _colours(rng: np.random.Generator) -> NDArray[np.float64]:
    """(8, 3) BGR: five tones of the actors, backdrop, its second colour, and the floor."""
    backdrop = _paler(rng.uniform(20, 235, 3), rng.uniform(0.1, 0.5))
    tones = np.array([_paler(tone, rng.uniform(0.3, 0.9)) for tone in rng.uniform(10, 245, (5, 3))])
    for tone in tones:
        # Some stand out less than others, but none is invisible in grey.
        if abs(float((tone - backdrop) @ (0.11, 0.59, 0.3))) < 28:
            tone += 70 if backdrop.mean() < 128 else -70
    second = np.clip(backdrop + rng.normal(0, 22) + rng.normal(0, 8, 3), 0, 255)
    floor = np.clip(backdrop * rng.uniform(0.4, 1.4) + rng.normal(0, 8, 3), 5, 250)
    return np.asarray(np.clip(np.vstack([tones, backdrop, second, floor]), 0, 255))


def _paler(colour: NDArray[np.float64], saturation: float) -> NDArray[np.float64]:
    grey = colour.mean()
    return np.asarray(grey + saturation * (colour - grey))


def _camera(
    rng: np.random.Generator, poses: int, cut_s: float | None, restless: bool
) -> NDArray[np.float64]:
    time = np.arange(poses) / POSE_HZ
    camera = np.zeros((poses, 3))
    camera[:, 2] = rng.uniform(0.75, 1.0)
    held = rng.random()
    if restless or held < 0.45:
        shake = rng.uniform(0.01, 0.07) * (1.5 if restless else 1)
        slow = rng.uniform(0.05, 0.4)
        for axis in (0, 1):
            camera[:, axis] += shake * wander(rng, poses, slow)
            camera[:, axis] += 0.15 * shake * wander(rng, poses, 0.02)
    if restless or rng.random() < 0.25:
        camera[:, 0] += rng.uniform(-0.12, 0.12) * (6 if restless else 1) * (time - time.mean())
    if restless and rng.random() < 0.5:
        camera[:, 2] *= 1 + rng.uniform(0, 0.3) * np.sin(rng.uniform(0.2, 0.6) * time) ** 2
    if cut_s is not None:
        later = time >= cut_s
        camera[later, 2] *= rng.uniform(0.8, 0.9)
        camera[later, 0] += rng.choice([-0.6, 0.6])
    return camera


def _light(rng: np.random.Generator, poses: int) -> NDArray[np.float64]:
    light = np.full(poses, rng.uniform(0.85, 1.1))
    kind = rng.random()
    if kind < 0.2:  # clouds
        light *= 1 + 0.12 * wander(rng, poses, 1.0)
    elif kind < 0.35:  # a bad lamp
        light *= 1 + rng.uniform(0.005, 0.025) * wander(rng, poses, 0.015)
    elif kind < 0.42:  # somebody switches one on
        light[int(rng.uniform(0.2, 0.8) * poses) :] *= rng.uniform(1.15, 1.4)
    return np.asarray(np.clip(light, 0.4, 1.6))
