"""The motion curve: how much a picture moves, and when it moves as something that strikes does.

Two channels at the film's own presentation times:

``energy``
    Mean absolute change of luma, in units of full luma (0 is black, 1 is white), scaled to a
    step of 1/25 s so that 12 and 60 frames a second speak the same language. The median change
    of the picture (flicker, exposure) is subtracted first, then a noise floor, pixel by pixel.
``onset``
    In [0, 1). The largest of three signs that something was struck, each as a share of the
    energy around it, so that a small object counts like a large one:

    * a rise: more energy than a steady acceleration would have brought;
    * a reversal: pixels that an object has just covered are uncovered again, as at the bounce
      of a ball or the stroke of a stick;
    * a dead stop: movement that ends without slowing down, as a thing does that lands.

A picture that repeats the one before (12 frames a second in a stream of 24) is no stillness: for
:data:`HOLD_S` it keeps the energy of the pictures before. What is found out only after repeats
happened among them, and is written there.
"""

from __future__ import annotations

from array import array
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

SHORTEST_STEP_S = 1 / 120
"""Pictures closer together than this are stamped badly; their change is not blown up by it."""

NOISE_FLOOR = 3
"""Luma steps of 255 that encoders and sensors change a shrunken picture by, and mean nothing."""

QUIET = 1e-3
"""Energy at which a rise from nothing counts half. A disc of a twentieth of the picture's width
that moves by its own radius in 1/25 s against mid-grey has about this."""

REPEAT = 0.1
"""A change smaller than this share of the last one, and of the noise, is a repeated picture that
was encoded anew."""

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
        self._shown: NDArray[np.int16] | None = None
        self._change: NDArray[np.int16] | None = None
        self._amount = 0.0
        self._change_before: NDArray[np.int16] | None = None
        self._amount_before = 0.0
        self._changed_s = 0.0
        self._last_energies = (0.0, 0.0)
        self._repeats = 0

    def push(self, time_s: float, luma: LumaPicture) -> None:
        """Add the picture shown from ``time_s`` on. Times increase.

        Raises ValueError on another shape than the first, or on a time that does not increase.
        """
        if self._times and time_s <= self._times[-1]:
            raise ValueError(f"times must increase, got {time_s} after {self._times[-1]}")
        picture = luma.astype(np.int16)
        if self._shown is None:
            self._add(time_s, 0.0)
            self._shown, self._changed_s = picture, time_s
            return
        if picture.shape != self._shown.shape:
            raise ValueError(f"pictures are {self._shown.shape}, got {picture.shape}")
        change = _beyond_noise(picture - self._shown)
        amount = int(np.abs(change).sum()) / change.size
        moving = time_s - self._changed_s < HOLD_S
        if amount <= min(REPEAT * self._amount, REPEAT * NOISE_FLOOR) and (moving or amount == 0):
            self._repeat(time_s, moving)
        else:
            self._move(time_s, change, amount)
            self._shown = picture

    def curve(self) -> Curve:
        """All pictures so far: values (T, 2), the channels in the order of :data:`CHANNELS`."""
        values = np.stack([np.array(self._energy), np.array(self._onset)], axis=1)
        return Curve(np.array(self._times), values.astype(np.float32, copy=False))

    def _add(self, time_s: float, energy: float) -> None:
        self._times.append(time_s)
        self._energy.append(energy)
        self._onset.append(0.0)

    def _mark_turn(self, onset: float) -> None:
        """Write the onset of a turn between the last two changes: at the picture between them,
        or in the middle of its repeats."""
        at = len(self._onset) - 1 - (self._repeats + 2) // 2
        self._onset[at] = max(self._onset[at], onset)

    def _move(self, time_s: float, change: NDArray[np.int16], amount: float) -> None:
        elapsed = min(max(time_s - self._changed_s, SHORTEST_STEP_S), HOLD_S)
        per_step = REFERENCE_STEP_S / elapsed
        energy = amount * per_step / 255
        self._add(time_s, energy)
        before, last = self._last_energies
        expected = max(before, last + max(0.0, last - before))
        rise = max(0.0, energy - expected) / (energy + expected + QUIET)
        if time_s - self._times[0] < HOLD_S:
            rise = 0.0  # what went on before the first picture is not known to be stillness
        self._onset[-1] = rise
        self._mark_turn(self._reversal(change, amount, per_step))
        self._change_before, self._amount_before = self._change, self._amount
        self._change, self._amount = change, amount
        self._changed_s, self._last_energies, self._repeats = time_s, (last, energy), 0

    def _repeat(self, time_s: float, moving: bool) -> None:
        """A picture like the last one: the movement goes on, or it has stopped."""
        # What two changes agree on is movement; a single one may be a cut or a flash.
        lasting, highest = min(self._last_energies), max(self._last_energies)
        self._add(time_s, lasting if moving else 0.0)
        self._repeats += 1
        if moving or not highest:
            return
        first = len(self._onset) - self._repeats
        self._onset[first] = max(self._onset[first], lasting / (lasting + highest + QUIET))
        self._change, self._amount = None, 0.0
        self._change_before, self._amount_before = None, 0.0
        self._last_energies, self._repeats = (0.0, 0.0), 0

    def _reversal(self, change: NDArray[np.int16], amount: float, per_step: float) -> float:
        """How much of the change undoes the change before it, in [0, 1).

        Where two successive changes have opposite signs, the smaller of them was undone. An
        object that goes on moving covers and uncovers different pixels; one that bounces
        uncovers those that it just covered.
        """
        if self._change is None:
            return 0.0
        past, past_amount = self._change, self._amount
        if self._change_before is not None and 2 * past_amount < min(amount, self._amount_before):
            # The turn lay within the last step, which is small by itself: the one before counts.
            past, past_amount = past + self._change_before, self._amount_before
        # |a| + |b| - |a + b| is twice the smaller one where the signs differ, and 0 elsewhere.
        undone = amount + (int(np.abs(past).sum()) - int(np.abs(change + past).sum())) / change.size
        return undone / (amount + past_amount + 2 * QUIET * 255 / per_step)


def _beyond_noise(step: NDArray[np.int16]) -> NDArray[np.int16]:
    """A change of luma without what the whole picture shares, and without the noise floor."""
    middle = step.size // 2
    change = step - np.partition(step, middle, axis=None)[middle]
    noise = np.minimum(np.maximum(change, -NOISE_FLOOR), NOISE_FLOOR)
    return np.asarray(change - noise, np.int16)


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
