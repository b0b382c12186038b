"""The motion curve: how much a picture moves, and when something in it strikes.

Two channels at the film's own presentation times:

``energy``
    Mean absolute change of luma, in units of full luma (0 is black, 1 is white), scaled to a
    step of 1/25 s so that 12 and 60 frames a second speak the same language. The median change
    of the picture (flicker, exposure) is subtracted first, then a noise floor, pixel by pixel.
``onset``
    In [0, 1). How likely something strikes at the time of this picture: see
    :mod:`vtacli.signal.regions` for what is looked at, and :mod:`vtacli.signal.strikes` for what
    is made of it. It is local, and what the whole picture does (a pan, a shake, flicker) is taken
    away; it is exactly 0 where nothing speaks for a strike. A clear reversal of all that moves
    (pixels that an object has just covered are uncovered again) counts by itself: a small thing
    that bounces against an even ground.

A picture that repeats the one before (12 frames a second in a stream of 24) is no stillness: for
:data:`HOLD_S` it keeps the energy of the pictures before. That movement has stopped is found out
only then, and counts from where it stopped.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from vtacli.signal.media import Curve
from vtacli.signal.regions import REFERENCE_STEP_S, RegionMeter
from vtacli.signal.strikes import StrikeMeter

CHANNELS = ("energy", "onset")

HOLD_S = 0.125
"""Eight different pictures a second are the fewest that still count as movement."""

SHORTEST_STEP_S = 1 / 120
"""Pictures closer together than this are stamped badly; their change is not blown up by it."""

NOISE_FLOOR = 3
"""Luma steps of 255 that encoders and sensors change a shrunken picture by, and mean nothing."""

SHORTEST_LOOK_S = 0.027
"""Strikes are looked for between pictures at least this far apart: at 50 frames a second every
other one. In less time too little changes."""

QUIET = 1e-3
"""Energy under which a reversal is not believed: a disc of a twentieth of the picture's width
that moves by its own radius in 1/25 s against mid-grey has about this."""

CLEAR_REVERSAL = 0.5
"""A reversal counts by itself from this share of the change that is undone. On renders, half of
those above it are strikes; of those between 0.3 and it, two fifths."""

AFTER_CUT_S = 0.25
"""How long a cut speaks in the likelihoods of strikes: six steps of 1/25 s."""

REPEAT = 0.1
"""A change smaller than this share of the last one, and of the noise, is a repeated picture that
was encoded anew."""

LumaPicture = NDArray[np.uint8]


class MotionMeter:
    """Takes small luma pictures one at a time and makes the :class:`Curve` of a film.

    It keeps a few pictures and two numbers a frame. All pictures have one shape, (h, w) uint8,
    about 64×36, averaged from the full picture (averaging is what makes the noise floor hold);
    luma is full range: 0 is black and 255 white. ``looked``: the numbers of the pictures at which
    ``strikes`` was given a step.
    """

    def __init__(self, strikes: StrikeMeter | None = None) -> None:
        self._times = array("d")
        self._energy = array("f")
        self._reversal = array("f")
        self._shown: NDArray[np.int16] | None = None
        self._change: NDArray[np.int16] | None = None
        self._amount = 0.0
        self._change_before: NDArray[np.int16] | None = None
        self._amount_before = 0.0
        self._held = 0
        self._changed_s = 0.0
        self._last_energies = (0.0, 0.0)
        self._regions = RegionMeter()
        self._strikes = strikes or StrikeMeter()
        self.looked = array("q")
        self._looked_s = 0.0
        self._repeats: list[int] = []

    def push(self, time_s: float, luma: LumaPicture) -> None:
        """Add the picture shown from ``time_s`` on. Times increase.

        Raises ValueError on another shape than the first, or on a time that does not increase.
        """
        if self._times and time_s <= self._times[-1]:
            raise ValueError(f"times must increase, got {time_s} after {self._times[-1]}")
        picture = luma.astype(np.int16)
        if self._shown is None:
            self._add(time_s, 0.0)
            self._shown, self._changed_s, self._looked_s = picture, time_s, time_s
            self._regions.start(luma)
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
            if time_s - self._looked_s >= SHORTEST_LOOK_S:
                self._repeats = []
                step = self._regions.step(luma, min(time_s - self._looked_s, HOLD_S))
                self._look(len(self._times) - 1, step)

    def curve(self) -> Curve:
        """All pictures: values (T, 2), the channels in the order of :data:`CHANNELS`.

        Nothing can be pushed afterwards.
        """
        times, onset = np.array(self._times), np.zeros(len(self._times), np.float32)
        onset[np.array(self.looked, np.int64)] = self._strikes.likelihoods()
        reversal = np.array(self._reversal, np.float32)
        onset = np.maximum(onset, np.where(reversal >= CLEAR_REVERSAL, reversal, 0))
        # What went on before the first picture is not known to be stillness.
        onset[times < (times[0] if len(times) else 0.0) + HOLD_S] = 0
        return Curve(times, np.stack([np.array(self._energy), onset], axis=1).astype(np.float32))

    def _add(self, time_s: float, energy: float) -> None:
        self._times.append(time_s)
        self._energy.append(energy)
        self._reversal.append(0.0)

    def _look(self, at: int, step: NDArray[np.float32]) -> None:
        self.looked.append(at)
        self._looked_s = self._times[at]
        self._strikes.push(step)

    def _move(self, time_s: float, change: NDArray[np.int16], amount: float) -> None:
        elapsed = min(max(time_s - self._changed_s, SHORTEST_STEP_S), HOLD_S)
        per_step = REFERENCE_STEP_S / elapsed
        energy = amount * per_step / 255
        self._add(time_s, energy)
        # At the picture between the two changes, or in the middle of its repeats.
        turn = len(self._reversal) - 1 - (self._held + 2) // 2
        undone = self._undone(change, amount, per_step)
        self._reversal[turn] = max(self._reversal[turn], undone)
        self._change_before, self._amount_before = self._change, self._amount
        self._change, self._amount, self._held = change, amount, 0
        self._changed_s, self._last_energies = time_s, (self._last_energies[1], energy)

    def _repeat(self, time_s: float, moving: bool) -> None:
        """A picture like the last one: the movement goes on, or it has stopped."""
        # What two changes agree on is movement; a single one may be a cut or a flash.
        self._add(time_s, min(self._last_energies) if moving else 0.0)
        self._repeats.append(len(self._times) - 1)
        self._held += 1
        if moving:
            return
        for at in self._repeats:
            if self._times[at] - self._looked_s >= SHORTEST_LOOK_S:
                self._look(at, self._regions.rest(self._times[at] - self._looked_s))
        self._change, self._amount, self._held = None, 0.0, 0
        self._change_before, self._amount_before = None, 0.0
        self._last_energies, self._repeats = (0.0, 0.0), []

    def _undone(self, change: NDArray[np.int16], amount: float, per_step: float) -> float:
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

    The first picture of a shot takes the energy of the one after it. For :data:`AFTER_CUT_S` there
    is no onset: the cut is among the pictures that it would be judged by.
    """
    values = curve.values.copy()
    for cut in cuts_s:
        at, until = np.searchsorted(curve.times_s, [float(cut) - 1e-6, float(cut) + AFTER_CUT_S])
        if at >= len(curve):
            continue
        values[at, 0] = values[at + 1, 0] if at + 1 < len(curve) else 0.0
        values[at : max(until, at + 2), 1] = 0.0
    return Curve(curve.times_s, values)
