"""Performances that strike, by physics: what is dropped, swung, rolled or slammed."""

from __future__ import annotations

from typing import Any

import numpy as np

from vtacli.evaluation.performance import (
    Actor,
    Performance,
    Points,
    box,
    disc,
    limb,
    merged,
    moved,
    still,
)
from vtacli.evaluation.physics import Stage

Rng = np.random.Generator


def moments(rng: Rng, first: float, last: float, shortest: float, longest: float) -> list[float]:
    """Times with gaps drawn evenly between the two."""
    times, now = [], first
    while now < last:
        times.append(now)
        now += float(rng.uniform(shortest, longest))
    return times


def hold(
    stage: Stage, body: Any, until_s: float, velocity: tuple[float, float], spin: float
) -> None:
    """Keep a body where it is until it is let go with this velocity."""
    place, angle, gone = body.position, body.angle, False

    def keep(time_s: float) -> None:
        nonlocal gone
        if gone:
            return
        body.position, body.angle, body.velocity, body.angular_velocity = place, angle, (0, 0), 0
        if time_s >= until_s:
            body.velocity, body.angular_velocity, gone = velocity, spin, True
        stage.space.reindex_shapes_for_body(body)

    stage.before_each_step(keep)


def balls(rng: Rng, duration_s: float) -> Performance:
    """Balls dropped one after the other, that bounce until they rest or roll away."""
    stage = Stage(duration_s, rng.uniform(14, 45), floor_bounce=1.0)
    bounce, size = rng.uniform(0.6, 0.88), rng.uniform(0.25, 0.8)
    for i, at in enumerate(moments(rng, rng.uniform(0.2, 1.5), duration_s - 1, 1.6, 5.0)):
        radius = size * rng.uniform(0.8, 1.25)
        height = rng.uniform(3.5, 6) if rng.random() < 0.6 else 9.0 + 2 * radius * i
        ball = stage.ball(
            rng.uniform(-5, 5), -height - 0.01 * i, radius, bounce, i % 3, rng.random() < 0.5
        )
        hold(stage, ball, at, (rng.uniform(-1.2, 1.2), 0), rng.uniform(-3, 3))
    actors = stage.run()
    return Performance(actors, merged(stage.contacts), "ball bouncing")


def boxes(rng: Rng, duration_s: float) -> Performance:
    """Boxes that fall, topple and come to rest on the floor or on each other."""
    stage = Stage(duration_s, rng.uniform(16, 45), floor_bounce=0.4)
    for i, at in enumerate(moments(rng, rng.uniform(0.1, 1.2), duration_s - 0.8, 0.9, 2.8)):
        wide = rng.uniform(0.5, 1.6)
        shape = box(wide, wide * rng.uniform(0.6, 1.4))
        height = 10.0 + 2.2 * i
        crate = stage.block(
            shape, rng.uniform(-5.5, 5.5), -height, rng.uniform(-0.6, 0.6), 0.35, i % 4
        )
        hold(stage, crate, at, (rng.uniform(-0.8, 0.8), rng.uniform(0, 3)), rng.uniform(-1, 1))
    actors = stage.run()
    return Performance(actors, merged(stage.contacts), "wooden box falling")


def arm(
    stage: Stage,
    pivot: tuple[float, float],
    length: float,
    head: Points,
    bounce: float,
    tone: int,
    angle: float = 0.0,
) -> Any:
    """A bar on a pivot with a head at its end; angle 0 points to the right, more is down."""
    engine = stage.engine
    mass = 0.3 * length + float(np.ptp(head[:, 0]) * np.ptp(head[:, 1]))
    body = engine.Body(mass, mass * length**2 * 0.5)
    # In this order: the place is the pivot's only once the centre of gravity is known.
    body.center_of_gravity = (length * 0.7, 0)
    body.angle = angle
    body.position = pivot
    corners = [(float(length + x), float(y)) for x, y in head]
    shape = engine.Poly(body, corners, radius=0.02)
    shape.elasticity, shape.friction = bounce, 0.5
    joint = engine.PivotJoint(stage.space.static_body, body, pivot, (0, 0))
    stage.space.add(body, shape, joint)
    stage.draw(body, limb(length, 0.11), tone, 0.75)
    stage.draw(body, head + np.array([length, 0]), tone)
    return body


def strike_at(
    stage: Stage, body: Any, blows: list[tuple[float, float]], raised: float, drive: float
) -> None:
    """Swing an arm: before each (time in s, seconds that the lift takes) it is raised smoothly
    to the angle ``raised``, and then driven down (``drive`` rad/s²) until the next lift."""
    state = {"i": 0, "from": body.angle, "lifting": False}

    def act(time_s: float) -> None:
        i = state["i"]
        if i < len(blows) and time_s >= blows[i][0] - blows[i][1]:
            if not state["lifting"]:
                state["lifting"], state["from"] = True, body.angle
            share = min(1.0, (time_s - blows[i][0] + blows[i][1]) / blows[i][1])
            if share < 1:
                way = raised - state["from"]
                body.angular_velocity = way * 30 * share**2 * (1 - share) ** 2 / blows[i][1]
                return
            state["i"], state["lifting"] = i + 1, False
        body.angular_velocity += drive / 800

    stage.before_each_step(act)


def hammer(rng: Rng, duration_s: float) -> Performance:
    """A hammer that is raised and falls on an anvil."""
    stage = Stage(duration_s, rng.uniform(20, 40))
    length, side = rng.uniform(2.6, 4.2), rng.choice([-1.0, 1.0])
    x, high = rng.uniform(-2, 2), rng.uniform(0.8, 1.6)
    head = box(rng.uniform(0.5, 0.9), rng.uniform(0.9, 1.5))
    reach = float(np.ptp(head[:, 1])) / 2
    pivot = (x - side * length, -high - reach - rng.uniform(0.01, 0.05))
    stage.wall((x - 0.7, -high + 0.2), (x + 0.7, -high + 0.2), 0.2, 0.4)
    level = 0.0 if side > 0 else np.pi
    body = arm(stage, pivot, length, head, rng.uniform(0.05, 0.35), 0, level)
    lift = rng.uniform(0.25, 0.6)
    blows = [(t, lift) for t in moments(rng, rng.uniform(0.7, 1.6), duration_s - 0.4, 0.75, 2.2)]
    raised = -rng.uniform(0.5, 1.1) if side > 0 else np.pi + rng.uniform(0.5, 1.1)
    strike_at(stage, body, blows, raised, side * rng.uniform(10, 40))
    anvil = still(box(1.8, high), x, -high / 2, stage.poses)
    actors = [Actor(anvil.outline, 3), *stage.run()]
    return Performance(actors, merged(stage.contacts, least=0.12), "hammer hitting metal")


def drumsticks(rng: Rng, duration_s: float) -> Performance:
    """One or two sticks on pads, in a rhythm."""
    stage = Stage(duration_s, 20)
    pads, sticks = [], int(rng.integers(1, 3))
    high, length = rng.uniform(1.0, 2.2), rng.uniform(2.0, 3.2)
    beat = float(np.exp(rng.uniform(np.log(0.2), np.log(0.55))))
    beats = moments(rng, rng.uniform(0.5, 1.5), duration_s - 0.4, beat * 0.93, beat * 1.07)
    kept = [b for b in beats if rng.random() > 0.15]
    pause = rng.uniform(1, duration_s)
    kept = [b for b in kept if not pause < b < pause + 1.2]
    for i in range(sticks):
        side = 1.0 if i == 0 else -1.0
        x = side * -rng.uniform(0.6, 1.6) if sticks == 2 else rng.uniform(-2, 2)
        stage.wall((x - 0.9, -high + 0.1), (x + 0.9, -high + 0.1), 0.1, 0.6)
        pads.append(Actor(still(box(2.0, 0.35), x, -high + 0.17, stage.poses).outline, 3))
        legs = still(box(0.2, high), x, -high / 2, stage.poses)
        pads.append(Actor(legs.outline, 3, 0.7))
        level = 0.0 if side > 0 else np.pi
        pivot = (x - side * length, -high - 0.39)
        body = arm(stage, pivot, length, disc(0.17, 8), 0.1, i, level)
        mine = kept[i::sticks]
        gaps = np.diff([0.0, *mine])
        blows = [(t - 0.06, float(min(0.25, 0.5 * gap))) for t, gap in zip(mine, gaps, strict=True)]
        rise = rng.uniform(0.35, 0.8)
        raised = -rise if side > 0 else np.pi + rise
        strike_at(stage, body, blows, raised, side * rng.uniform(80, 200))
    actors = [*pads, *stage.run()]
    return Performance(actors, merged(stage.contacts, least=0.2), "drum sticks on a practice pad")


def pendulum(rng: Rng, duration_s: float) -> Performance:
    """A weight on a rod that swings against another one, or against a post."""
    stage = Stage(duration_s, rng.uniform(12, 40))
    engine = stage.engine
    rod, radius = rng.uniform(3.0, 5.0), rng.uniform(0.35, 0.7)
    x, top = rng.uniform(-1.5, 1.5), -rod - radius - rng.uniform(0.3, 0.8)
    weights = [(x - radius, -rng.uniform(0.5, 1.1))]
    pair = rng.random() < 0.5
    if pair:
        weights.append((x + radius + 0.01, 0.0))
    bodies = []
    for i, (pivot_x, angle) in enumerate(weights):
        ball = stage.ball(
            pivot_x + rod * np.sin(angle),
            top + rod * np.cos(angle),
            radius,
            0.97 if pair else 0.85,
            i,
            False,
        )
        ball.angle = -angle
        joint = engine.PivotJoint(stage.space.static_body, ball, (pivot_x, top), (0, -rod))
        stage.space.add(joint)
        stage.draw(ball, box(0.1, rod) - (0, rod / 2), 2)
        hold(stage, ball, rng.uniform(0.3, 1.2) if not i else 0.0, (0, 0), 0)
        bodies.append(ball)
    front = []
    if not pair:
        stage.wall((x + 0.25, -6), (x + 0.25, 0), 0.25, 1.0)
        front = [Actor(still(box(0.5, 6), x + 0.25, -3, stage.poses).outline, 3)]
    beam = Actor(still(box(6, 0.4), x, top - 0.2, stage.poses).outline, 3)
    return Performance(
        [*front, *stage.run(), beam], merged(stage.contacts, least=0.03), "metal balls clacking"
    )


def skittles(rng: Rng, duration_s: float) -> Performance:
    """Balls that roll into a row of skittles."""
    stage = Stage(duration_s, rng.uniform(18, 40), floor_bounce=0.6)
    for i in range(int(rng.integers(2, 6))):
        tall, wide = rng.uniform(1.3, 2.2), rng.uniform(0.3, 0.5)
        shape = np.array([[-0.5, 0.5], [-0.35, -0.5], [0.35, -0.5], [0.5, 0.5]]) * (wide, tall)
        stage.block(shape, 1.0 + i * rng.uniform(0.8, 1.1), -tall / 2 - 0.01, 0, 0.3, 1)
    for i, at in enumerate(moments(rng, rng.uniform(0.3, 1.5), duration_s - 2, 2.5, 4.5)):
        radius, speed = rng.uniform(0.4, 0.75), rng.uniform(4, 10)
        ball = stage.ball(-10.5 - 2 * i, -radius, radius, 0.5, 0, True)
        hold(stage, ball, at, (speed, 0), speed / radius)
    return Performance(stage.run(), merged(stage.contacts), "bowling pins knocked over")


def door(rng: Rng, duration_s: float) -> Performance:
    """A door that is opened without a sound and slams."""
    stage = Stage(duration_s, 0.0)
    stage.space.gravity = (0, 0)
    wide, tall = rng.uniform(2.4, 4.0), rng.uniform(5.0, 6.4)
    x, side = rng.uniform(-2.5, 1.0), rng.choice([-1.0, 1.0])
    leaf = arm(stage, (0.0, -20.0), wide, box(0.3, 0.2), rng.uniform(0.02, 0.2), 0)
    stage.wall((wide - 0.3, -19.5), (wide + 0.3, -19.5), 0.4, 1.0)
    lift = rng.uniform(0.7, 1.3)
    times = moments(rng, lift + rng.uniform(0.2, 1), duration_s - 0.8, lift + 0.9, lift + 2.6)
    wide_open = rng.uniform(0.7, 1.5)
    strike_at(stage, leaf, [(t, lift) for t in times], -wide_open, rng.uniform(6, 25))
    angle = -_angles(stage, leaf)
    hinge = x - side * wide / 2
    edge_x = hinge + side * wide * np.cos(angle)
    nearer = 0.22 * wide * np.sin(angle)  # the free edge comes towards the camera
    outline = np.empty((stage.poses, 4, 2), np.float32)
    outline[:, 0], outline[:, 3] = (hinge, -tall), (hinge, 0)
    outline[:, 1, 0] = outline[:, 2, 0] = edge_x
    outline[:, 1, 1], outline[:, 2, 1] = -tall - nearer, nearer
    knob_x = hinge + 0.88 * (edge_x - hinge)
    knob = moved(disc(0.13, 12), knob_x, np.full(stage.poses, -tall * 0.47), 0.0)
    hole = Actor(still(box(wide, tall), x, -tall / 2, stage.poses).outline, 3, 0.3)
    frame = Actor(still(box(wide + 0.6, tall + 0.6), x, -tall / 2 - 0.15, stage.poses).outline, 1)
    actors = [frame, hole, Actor(outline, 0), Actor(knob, 2)]
    return Performance(actors, merged(stage.contacts, least=0.04), "door slam")


def _angles(stage: Stage, body: Any) -> Points:
    """Run the stage for the angle of one body at each pose. (T,)"""
    stage.draw(body, np.array([[1.0, 0.0], [0.0, 0.0]]), 0)
    bar = stage.run()[-1].outline.astype(np.float64)
    return np.asarray(np.arctan2(bar[:, 0, 1] - bar[:, 1, 1], bar[:, 0, 0] - bar[:, 1, 0]))
