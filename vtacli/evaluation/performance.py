"""What happens in front of the camera: outlines over time, and when something was struck.

Lengths are in units of a sixteenth of the stage's width; x runs to the right from the middle, y
down from the floor, which is y = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

POSE_HZ = 400
"""Outlines a second."""
HALF_WIDTH = 8.0
"""The stage goes from -8 to 8."""

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Actor:
    """A coloured polygon that moves.

    ``outline``: (T, P, 2) float32 at :data:`POSE_HZ`. ``tone``: which colour of the look;
    ``shade``: factor on it.
    """

    outline: NDArray[np.float32]
    tone: int = 0
    shade: float = 1.0


@dataclass(frozen=True)
class Performance:
    """Actors from back to front, and the truth.

    ``hits``: (time in s, strength in (0, 1]), in order. ``follow``: (T,) where the camera looks,
    or None where it stays. ``blinks``: actors (by index) whose lamp goes on and off.
    """

    actors: list[Actor]
    hits: tuple[tuple[float, float], ...]
    prompt: str
    follow: NDArray[np.float64] | None = None
    blinks: dict[int, NDArray[np.bool_]] = field(default_factory=dict)


def poses_of(duration_s: float) -> int:
    """How many poses a performance of this length has; a shutter may look a little past it."""
    return int(duration_s * POSE_HZ) + POSE_HZ // 4


def disc(radius: float, points: int = 28) -> Points:
    """(P, 2) a circle about the origin."""
    angle = np.arange(points) * (2 * np.pi / points)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def box(width: float, height: float) -> Points:
    """(4, 2) a rectangle about the origin."""
    return np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * (width / 2, height / 2)


def limb(length: float, thick: float, taper: float = 0.8) -> Points:
    """(P, 2) a rounded bar from the origin along +x."""
    turn = np.linspace(-np.pi / 2, np.pi / 2, 7)
    end = np.stack([length + np.cos(turn) * thick * taper, np.sin(turn) * thick * taper], axis=1)
    start = -np.stack([np.cos(turn) * thick, np.sin(turn) * thick], axis=1)
    return np.concatenate([end, start])


def moved(points: Points, x: Points, y: Points, angle: Points | float) -> NDArray[np.float32]:
    """Local points (P, 2) carried along: (T,) each -> (T, P, 2)."""
    angle = np.broadcast_to(np.asarray(angle, np.float64), x.shape)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]
    out = np.empty((len(x), len(points), 2), np.float32)
    out[..., 0] = x[:, None] + cos * points[:, 0] - sin * points[:, 1]
    out[..., 1] = y[:, None] + sin * points[:, 0] + cos * points[:, 1]
    return out


def still(points: Points, x: float, y: float, poses: int, angle: float = 0.0) -> Actor:
    """An actor that does not move; ``tone`` and ``shade`` at their defaults."""
    one = moved(points, np.array([x]), np.array([y]), angle)
    return Actor(np.broadcast_to(one, (poses, *one.shape[1:])))


def merged(
    contacts: Sequence[tuple[float, float]], apart_s: float = 0.05, least: float = 0.05
) -> tuple[tuple[float, float], ...]:
    """Contacts (time in s, impulse) as hits (time in s, strength in (0, 1]).

    Of contacts closer than ``apart_s`` the strongest stays. Strength is the square root of the
    impulse over the largest (hearing compresses); under ``least`` of the largest impulse there
    is no hit.
    """
    kept: list[tuple[float, float]] = []
    for time_s, impulse in sorted(contacts, key=lambda c: -c[1]):
        if impulse < least * kept[0][1] if kept else impulse <= 0:
            break
        if all(abs(time_s - k) >= apart_s for k, _ in kept):
            kept.append((time_s, impulse))
    return tuple(sorted((t, float((i / kept[0][1]) ** 0.5)) for t, i in kept))
