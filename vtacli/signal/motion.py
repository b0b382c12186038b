"""The motion curve: how much a picture moves, and when it moves as something that strikes does.

Two channels at the film's own presentation times:

``energy``
    Mean absolute change of luma, in units of full luma (0 is black, 1 is white), scaled to a
    step of 1/25 s so that 12 and 60 frames a second speak the same language. The median change
    of the picture (flicker, exposure) is subtracted first, then a noise floor, pixel by pixel.
``onset``
    In [0, 1). The larger of two signs that something was struck: a sudden rise of the energy
    against its recent past, and a reversal: pixels that an object has just covered are
    uncovered again, as at the bounce of a ball or the stroke of a stick. Both as a share of the
    energy around them, so that a small object counts like a large one.

A picture that repeats the one before (12 frames a second in a stream of 24) is no stillness: for
:data:`HOLD_S` it keeps the energy of the last picture that differed, and has no onset.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vtacli.signal.media import Curve

CHANNELS = ("energy", "onset")

REFERENCE_STEP_S = 1 / 25
"""Energy is the change over this time."""

HOLD_S = 0.125
"""Eight different pictures a second are the fewest that still count as movement."""

PAST_S = 0.2
"""A rise is a rise against the mean over this much past."""

NOISE_FLOOR = 3.0
"""Luma steps of 255 that encoders and sensors change a shrunken picture by, and mean nothing."""

QUIET = 4e-4
"""Energy at which a rise counts half. A disc of a twentieth of the picture's width that moves
by its own radius in 1/25 s against mid-grey has about three times this."""

LumaPicture = NDArray[np.uint8]


class MotionMeter:
    """Takes small luma pictures one at a time and makes the :class:`Curve` of a film.

    It keeps two pictures and two numbers a frame. All pictures have one shape, (h, w) uint8,
    about 64×36, averaged from the full picture (averaging is what makes the noise floor hold);
    luma is full range: 0 is black and 255 white.
    """

    def __init__(self) -> None:
        self._times = array("d")
        self._energy = array("f")
        self._onset = array("f")
        self._last: NDArray[np.int16] | None = None
        self._last_change: NDArray[np.float32] | None = None
        self._last_distinct_s = 0.0
        self._past: deque[tuple[float, float]] = deque()

    def push(self, time_s: float, luma: LumaPicture) -> None:
        """Add the picture shown from ``time_s`` on. Times increase.

        Raises ValueError on another shape than the first, or on a time that does not increase.
        """
        if self._times and time_s <= self._times[-1]:
            raise ValueError(f"times must increase, got {time_s} after {self._times[-1]}")
        picture = luma.astype(np.int16)
        if self._last is None:
            self._add(time_s, 0.0, 0.0)
            self._last, self._last_distinct_s = picture, time_s
            return
        if picture.shape != self._last.shape:
            raise ValueError(f"pictures are {self._last.shape}, got {picture.shape}")
        step = picture - self._last
        if not step.any():
            self._hold(time_s)
            return
        change = _beyond_noise(step)
        elapsed = min(time_s - self._last_distinct_s, HOLD_S)
        per_step = REFERENCE_STEP_S / elapsed
        energy = float(np.abs(change).mean()) * per_step / 255
        onset = max(self._rise(time_s, energy), self._reversal(change, per_step))
        self._add(time_s, energy, onset)
        self._past.append((time_s, energy))
        self._last, self._last_change, self._last_distinct_s = picture, change, time_s

    def curve(self) -> Curve:
        """All pictures so far: values (T, 2), the channels in the order of :data:`CHANNELS`."""
        values = np.stack([np.array(self._energy), np.array(self._onset)], axis=1)
        return Curve(np.array(self._times), values.astype(np.float32, copy=False))

    def _add(self, time_s: float, energy: float, onset: float) -> None:
        self._times.append(time_s)
        self._energy.append(energy)
        self._onset.append(onset)

    def _hold(self, time_s: float) -> None:
        """A picture equal to the last one: the movement goes on, unless it has stopped."""
        moving = time_s - self._last_distinct_s < HOLD_S
        self._add(time_s, self._energy[-1] if moving else 0.0, 0.0)
        if not moving:
            self._past.append((time_s, 0.0))
            self._last_change = None

    def _rise(self, time_s: float, energy: float) -> float:
        """How much of the energy is more than the recent past had, in [0, 1)."""
        while len(self._past) > 1 and self._past[0][0] < time_s - PAST_S:
            self._past.popleft()
        past = sum(e for _, e in self._past) / len(self._past) if self._past else 0.0
        return max(0.0, energy - past) / (energy + past + QUIET)

    def _reversal(self, change: NDArray[np.float32], per_step: float) -> float:
        """How much of the change undoes the change before it, in [0, 1).

        Where two successive changes have opposite signs, the smaller of them was undone. An
        object that goes on moving covers and uncovers different pixels; one that bounces
        uncovers those that it just covered.
        """
        if self._last_change is None:
            return 0.0
        opposed = np.where(
            change * self._last_change < 0,
            np.minimum(np.abs(change), np.abs(self._last_change)),
            0.0,
        )
        undone = 2 * float(opposed.mean())
        both = float(np.abs(change).mean() + np.abs(self._last_change).mean())
        return undone / (both + 2 * QUIET * 255 / per_step)


def _beyond_noise(step: NDArray[np.int16]) -> NDArray[np.float32]:
    """A change of luma without what the whole picture shares, and without the noise floor."""
    change = step.astype(np.float32)
    change -= np.median(step)
    return np.sign(change) * np.maximum(np.abs(change) - NOISE_FLOOR, 0)


def without_cuts(curve: Curve, cuts_s: Iterable[Fraction]) -> Curve:
    """The curve with every cut made invisible: a new shot is no movement and no hit.

    The first picture of a shot takes the energy of the one after it, and has no onset; nor has
    the one after it, whose reversal would be measured against the cut.
    """
    values = curve.values.copy()
    for cut in cuts_s:
        at = int(np.searchsorted(curve.times_s, float(cut) - 1e-6))
        if at >= len(curve):
            continue
        after = min(at + 1, len(curve) - 1)
        values[at, 0] = values[after, 0] if after > at else 0.0
        values[at : after + 1, 1] = 0.0
    return Curve(curve.times_s, values)
