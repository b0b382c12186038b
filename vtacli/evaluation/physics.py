"""A small stage for rigid bodies (pymunk): what they do is recorded, and what they strike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from vtacli.errors import ConfigError
from vtacli.evaluation.performance import HALF_WIDTH, POSE_HZ, Actor, Points, disc, moved, poses_of

STEPS_A_POSE = 2
STEP_S = 1 / (POSE_HZ * STEPS_A_POSE)
LEAST_CHANGE = 0.6
"""Units a second by which the lighter of two bodies must be stopped for a contact to be a hit.
Weight at rest gives a twentieth of this in a step."""
SETTLED_S = 0.15
"""What was put down a little above its place falls there first: no hit."""


def pymunk() -> Any:
    """The simulator. Raises ConfigError where it is not installed."""
    try:
        import pymunk as simulator
    except ImportError as error:
        raise ConfigError(
            "Renders need the simulator pymunk.", hint="Run: pip install 'vta[evaluate]'"
        ) from error
    return simulator


class Stage:
    """A floor at y = 0 with gravity pulling down, bodies on it, and a list of contacts.

    ``gravity``: units/s². Contacts outside the picture are no hits: nobody sees them.
    """

    def __init__(self, duration_s: float, gravity: float, floor_bounce: float = 0.5) -> None:
        self.engine = pymunk()
        self.poses = poses_of(duration_s)
        self.duration_s = duration_s
        self.space = self.engine.Space()
        self.space.gravity = (0, gravity)
        self.space.iterations = 15
        self.space.collision_slop = 0.01
        self.contacts: list[tuple[float, float]] = []
        self.time_s = 0.0
        self._drawn: list[tuple[Any, Points, int, float, list[tuple[float, float, float]]]] = []
        self._before: list[Callable[[float], None]] = []
        self.wall((-60, 0.5), (60, 0.5), 0.5, floor_bounce)
        self.space.on_collision(post_solve=self._struck)

    def wall(
        self, start: tuple[float, float], end: tuple[float, float], radius: float, bounce: float
    ) -> None:
        """Something that stands still: a bar with round ends."""
        shape = self.engine.Segment(self.space.static_body, start, end, radius)
        shape.elasticity, shape.friction = bounce, 0.8
        self.space.add(shape)

    def ball(self, x: float, y: float, radius: float, bounce: float, tone: int, spot: bool) -> Any:
        """A dynamic disc of density 1, with a spot on it that shows how it turns."""
        mass = float(np.pi * radius**2)
        body = self.engine.Body(mass, self.engine.moment_for_circle(mass, 0, radius))
        body.position = (x, y)
        shape = self.engine.Circle(body, radius)
        shape.elasticity, shape.friction = bounce, 0.7
        self.space.add(body, shape)
        self.draw(body, disc(radius), tone)
        if spot:
            self.draw(body, disc(radius * 0.35, 12) + np.array([radius * 0.4, 0]), tone, 0.6)
        return body

    def block(
        self, points: Points, x: float, y: float, angle: float, bounce: float, tone: int
    ) -> Any:
        """A dynamic convex polygon of density 1; ``points`` (P, 2) about its centre."""
        mass = max(0.05, float(np.ptp(points[:, 0]) * np.ptp(points[:, 1])))
        corners = [tuple(map(float, p)) for p in points]
        body = self.engine.Body(mass, self.engine.moment_for_poly(mass, corners))
        body.position, body.angle = (x, y), angle
        shape = self.engine.Poly(body, corners, radius=0.02)
        shape.elasticity, shape.friction = bounce, 0.7
        self.space.add(body, shape)
        self.draw(body, points, tone)
        return body

    def draw(self, body: Any, points: Points, tone: int, shade: float = 1.0) -> None:
        """Show these local points (P, 2) wherever ``body`` is."""
        self._drawn.append((body, points, tone, shade, []))

    def before_each_step(self, act: Callable[[float], None]) -> None:
        """Call ``act`` with the time in s before every step, to push bodies about."""
        self._before.append(act)

    def run(self) -> list[Actor]:
        """Simulate to the end. The actors in the order in which they were made."""
        for _ in range(self.poses):
            for body, _, _, _, track in self._drawn:
                track.append((*body.position, body.angle))
            for _ in range(STEPS_A_POSE):
                for act in self._before:
                    act(self.time_s)
                self.space.step(STEP_S)
                self.time_s += STEP_S
        actors = []
        for _, points, tone, shade, track in self._drawn:
            x, y, angle = np.array(track).T
            actors.append(Actor(moved(points, x, y, angle), tone, shade))
        return actors

    def _struck(self, arbiter: Any, _space: Any, _data: Any) -> None:
        impulse = arbiter.total_impulse.length
        masses = (shape.body.mass for shape in arbiter.shapes)
        lighter = min(mass for mass in masses if 0 < mass < float("inf"))
        if impulse < LEAST_CHANGE * lighter or not SETTLED_S < self.time_s < self.duration_s:
            return
        points: Sequence[Any] = arbiter.contact_point_set.points
        if points and abs(points[0].point_a.x) < HALF_WIDTH:
            self.contacts.append((self.time_s + STEP_S, impulse))
