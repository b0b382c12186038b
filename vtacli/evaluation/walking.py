"""A figure on two legs whose heels land at known moments: an animation, not a simulation."""

from __future__ import annotations

import numpy as np

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
)


def walking(rng: np.random.Generator, duration_s: float) -> Performance:
    """Someone walks across the picture, stops now and then, or is followed by the camera."""
    poses = poses_of(duration_s)
    leg = rng.uniform(1.3, 2.6)
    step_s = rng.uniform(0.42, 0.75)
    landings = _landings(rng, duration_s, step_s)
    followed = rng.random() < 0.5
    stride = leg * rng.uniform(0.6, 0.8) if followed else min(leg * 0.7, 13 / (len(landings) + 1))
    side = rng.choice([-1.0, 1.0])
    begin = 0.0 if followed else -6.5
    lift, swing_s = leg * rng.uniform(0.1, 0.2), step_s * rng.uniform(0.75, 0.95)
    time = np.arange(poses) / POSE_HZ
    feet = [np.full(poses, begin), np.full(poses, begin)]
    raised = [np.zeros(poses), np.zeros(poses)]
    for i, at in enumerate(landings):
        share = np.clip((time - (at - swing_s)) / swing_s, 0, 1)
        # The heel comes down at once; forward it slows a little before.
        forward = share - np.sin(2 * np.pi * share) * 0.6 / (2 * np.pi)
        target = begin + stride * (i + 1)
        foot = feet[i % 2]
        start = foot[-1]
        feet[i % 2] = foot + (target - start) * forward
        raised[i % 2] += lift * np.sin(np.pi * share**0.8)
    hip_x = (feet[0] + feet[1]) / 2
    # As high as the legs reach, so that they are straight when they are furthest apart.
    hip_y = -0.12 * leg - np.sqrt((0.985 * leg) ** 2 - ((feet[0] - feet[1]) / 2) ** 2)
    actors = _figure(time, leg, hip_x, hip_y, feet, raised)
    if side < 0:
        actors = [Actor(a.outline * np.array([-1, 1], np.float32), a.tone, a.shade) for a in actors]
    hits = tuple((t, float(s)) for t, s in zip(landings, rng.uniform(0.6, 1, 999), strict=False))
    return Performance(actors, hits, "footsteps", side * hip_x if followed else None)


def _landings(rng: np.random.Generator, duration_s: float, step_s: float) -> list[float]:
    times, now = [], rng.uniform(0.8, 1.6)
    while now < duration_s - 0.15:
        times.append(float(now))
        now += step_s * rng.uniform(0.96, 1.05) + (
            rng.uniform(0.8, 2) if rng.random() < 0.06 else 0
        )
    return times


def _figure(
    time: Points, leg: float, hip_x: Points, hip_y: Points, feet: list[Points], raised: list[Points]
) -> list[Actor]:
    thick = leg * 0.09
    legs = []
    for i in (1, 0):  # the far leg is drawn first, and darker
        ankle_x, ankle_y = feet[i], -0.12 * leg - raised[i]
        dx, dy = ankle_x - hip_x, ankle_y - hip_y
        apart = np.minimum(np.hypot(dx, dy), leg * 0.999)
        bend = np.arccos(np.clip(apart / leg, -1, 1))
        aim = np.arctan2(dy, dx)
        thigh, shin = aim - bend, aim + bend
        knee_x, knee_y = hip_x + leg / 2 * np.cos(thigh), hip_y + leg / 2 * np.sin(thigh)
        shade = 1.0 if i == 0 else 0.7
        legs.append(Actor(moved(limb(leg / 2, thick), hip_x, hip_y, thigh), 1, shade))
        legs.append(Actor(moved(limb(leg / 2, thick * 0.8), knee_x, knee_y, shin), 1, shade))
        tilt = -0.9 * np.clip(raised[i] / leg, 0, 0.2) * 2
        foot = limb(leg * 0.22, leg * 0.06)
        legs.append(Actor(moved(foot, ankle_x, ankle_y + 0.06 * leg, tilt), 2, shade))
    swing = 0.5 * (feet[1] - feet[0]) / leg
    shoulder_y = hip_y - leg * 0.75
    torso = moved(box(leg * 0.36, leg * 0.85), hip_x, hip_y - leg * 0.36, 0.0)
    head = moved(disc(leg * 0.2, 20), hip_x, shoulder_y - leg * 0.3, 0.0)
    arms = [
        Actor(moved(limb(leg * 0.75, thick * 0.6), hip_x, shoulder_y, np.pi / 2 + s * swing), 0, d)
        for s, d in ((-1, 0.6), (1, 0.85))
    ]
    return [arms[0], *legs, Actor(torso, 0), Actor(head, 4), arms[1]]
