"""Performances in which things move and nothing is struck."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d

from vtacli.evaluation.performance import (
    POSE_HZ,
    Actor,
    Performance,
    Points,
    box,
    disc,
    limb,
    moved,
    poses_of,
    still,
)


def waving(rng: np.random.Generator, duration_s: float) -> Performance:
    """Someone who stands and waves, with pauses."""
    poses = poses_of(duration_s)
    time = np.arange(poses) / POSE_HZ
    tall, x = rng.uniform(2.5, 5), rng.uniform(-4, 4)
    beat = rng.uniform(0.5, 2.0)
    awake = gaussian_filter1d((wander(rng, poses, 1.2) > -0.6).astype(float), 0.25 * POSE_HZ)
    angle = -1.3 + awake * rng.uniform(0.4, 0.9) * np.sin(2 * np.pi * beat * time)
    shoulder = np.full(poses, x + 0.2 * tall), np.full(poses, -0.72 * tall)
    upper = -0.5 + 0.1 * wander(rng, poses, 0.5)
    elbow_x = shoulder[0] + 0.24 * tall * np.cos(upper)
    elbow_y = shoulder[1] + 0.24 * tall * np.sin(upper)
    hand_x, hand_y = (
        elbow_x + 0.26 * tall * np.cos(angle),
        elbow_y + 0.26 * tall * np.sin(angle),
    )
    body = still(box(0.36 * tall, 0.8 * tall), x, -0.4 * tall, poses)
    head = still(disc(0.13 * tall, 20), x, -0.93 * tall, poses)
    actors = [
        Actor(body.outline, 0),
        Actor(head.outline, 4),
        Actor(moved(limb(0.24 * tall, 0.06 * tall), *shoulder, upper), 0, 0.85),
        Actor(moved(limb(0.26 * tall, 0.05 * tall), elbow_x, elbow_y, angle), 0, 0.85),
        Actor(moved(disc(0.07 * tall, 14), hand_x, hand_y, 0.0), 4),
    ]
    return Performance(actors, (), "cloth rustling")


def passing(rng: np.random.Generator, duration_s: float) -> Performance:
    """Carts that come in on one side, and leave on the other."""
    poses = poses_of(duration_s)
    time = np.arange(poses) / POSE_HZ
    actors = []
    for i in range(int(rng.integers(2, 6))):
        side, speed = rng.choice([-1.0, 1.0]), rng.uniform(1.5, 7)
        start = rng.uniform(-3, duration_s - 2)
        size = rng.uniform(0.7, 1.5)
        x = side * (-10 + speed * (time - start) + 0.15 * wander(rng, poses, 1.0))
        y = np.full(poses, rng.uniform(-0.3, 0))
        actors.append(Actor(moved(box(3 * size, size), x, y - size, 0.0), i % 4))
        actors.append(Actor(moved(box(1.5 * size, 0.7 * size), x, y - 1.8 * size, 0.0), i % 4, 0.8))
        for wheel in (-0.9, 0.9):
            turn = (x + wheel) / (0.4 * size)
            rim = moved(disc(0.4 * size, 18), x + wheel * size, y - 0.4 * size, 0.0)
            spoke = moved(box(0.7 * size, 0.12 * size), x + wheel * size, y - 0.4 * size, turn)
            actors += [Actor(rim, 4, 0.4), Actor(spoke, 4)]
    return Performance(actors, (), "traffic passing by")


def floating(rng: np.random.Generator, duration_s: float) -> Performance:
    """Balloons and leaves that drift, rise and turn without touching anything."""
    poses = poses_of(duration_s)
    actors = [floater(rng, poses, i) for i in range(int(rng.integers(1, 6)))]
    return Performance(actors, (), "wind")


def scenery(rng: np.random.Generator, duration_s: float) -> Performance:
    """Things that stand still, perhaps with a lamp that goes on and off; the camera moves."""
    poses = poses_of(duration_s)
    actors = []
    for i in range(int(rng.integers(2, 7))):
        tall = rng.uniform(0.5, 4)
        shape = box(rng.uniform(0.4, 2), tall) if rng.random() < 0.6 else disc(tall / 2)
        actors.append(Actor(still(shape, rng.uniform(-7, 7), -tall / 2, poses).outline, i % 5))
    blinks = {}
    if rng.random() < 0.4:
        lamp = still(disc(rng.uniform(0.2, 0.5)), rng.uniform(-6, 6), rng.uniform(-6, -3), poses)
        actors.append(Actor(lamp.outline, 4, 1.6))
        every = rng.uniform(0.4, 1.5)
        blinks[len(actors) - 1] = (np.arange(poses) / POSE_HZ / every) % 1 < 0.5
    return Performance(actors, (), "wind", blinks=blinks)


def floater(rng: np.random.Generator, poses: int, tone: int) -> Actor:
    """Something in the air on a smooth way of its own."""
    size, slow = rng.uniform(0.2, 0.9), rng.uniform(0.5, 1.6)
    shape = disc(size) if rng.random() < 0.5 else disc(size) * (1, 0.45)
    x = rng.uniform(-5, 5) + 2.2 * wander(rng, poses, slow)
    y = -rng.uniform(2.5, 5) + 1.2 * wander(rng, poses, slow)
    return Actor(moved(shape, x, y, 1.5 * wander(rng, poses, slow)), tone % 4)


def wander(rng: np.random.Generator, poses: int, smooth_s: float) -> Points:
    """(T,) a smooth random walk about 0 with deviation 1; ``smooth_s``: its slowness."""
    coarse = rng.standard_normal(poses // 20 + 2)
    rough = np.interp(np.arange(poses), np.arange(len(coarse)) * 20, coarse)
    curve = gaussian_filter1d(rough, smooth_s * POSE_HZ, mode="wrap")
    return np.asarray((curve - curve.mean()) / max(float(curve.std()), 1e-9))
