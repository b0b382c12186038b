"""The control curves: what the picture does and what the editor wrote, at the latents' own rate.

Three curves at 100 Hz are folded into channels beside the latents, eight values to a step, so
that a hit keeps its place to 10 ms although a latent step lasts 80 ms:

- ``hits``: written by a person, exact, with strength;
- ``onset``: how suddenly the picture moves;
- ``energy``: how much it moves.

A flag says whether hits, and whether motion, are known at all: a curve of zeros with its flag up
means "nothing happens", with its flag down "nobody knows".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from vtacli.signal.media import Curve

CURVE_HZ = 100
CURVES = 3
FLAGS = 2
ENERGY_FLOOR = 0.001
"""Motion whose strongest moment is weaker than this (mean luma change in 1/25 s, of full luma)
stays weak when it is scaled: a still picture is not made to dance."""
ONSET_FLOOR = 0.5
"""The same for onsets, which are likelihoods in [0, 1): doubt is not made certainty."""


@dataclass(frozen=True)
class ControlCurves:
    """Each curve: (frames,) float32 in [0, 1] at 100 Hz, or None where it is not known."""

    frames: int
    hits: NDArray[np.float32] | None = None
    onset: NDArray[np.float32] | None = None
    energy: NDArray[np.float32] | None = None

    def folded(self, steps: int) -> NDArray[np.float32]:
        """(3 * frames / steps + 2, steps): the curves folded into channels, then the flags."""
        fold = self.frames // steps
        out = np.zeros((channels(fold), steps), dtype=np.float32)
        for i, curve in enumerate((self.hits, self.onset, self.energy)):
            if curve is not None:
                out[i * fold : (i + 1) * fold] = curve.reshape(steps, fold).T
        out[CURVES * fold] = self.hits is not None
        out[CURVES * fold + 1] = self.onset is not None or self.energy is not None
        return out


def channels(fold: int) -> int:
    """How many channels the curves and flags take when ``fold`` values make a step."""
    return CURVES * fold + FLAGS


def hit_curve(hits: Sequence[tuple[float, float]], frames: int) -> NDArray[np.float32]:
    """Impulses three frames wide with the hit's strength in the middle. (frames,)"""
    curve = np.zeros(frames, dtype=np.float32)
    for time_s, strength in hits:
        centre = round(time_s * CURVE_HZ)
        for offset, share in ((-1, 0.5), (0, 1.0), (1, 0.5)):
            if 0 <= centre + offset < frames:
                curve[centre + offset] = max(curve[centre + offset], share * strength)
    return curve


def onset_curve(
    times_s: NDArray[np.float64], strengths: NDArray[np.float64], frames: int, blur_s: float
) -> NDArray[np.float32]:
    """Impulses blurred by a Gaussian of standard deviation ``blur_s``, each peak keeping its
    strength. (frames,)"""
    curve = np.zeros(frames)
    at = np.round(times_s * CURVE_HZ).astype(int)
    inside = (at >= 0) & (at < frames)
    np.maximum.at(curve, at[inside], strengths[inside])
    sigma = max(0.5, blur_s * CURVE_HZ)
    blurred = gaussian_filter1d(curve, sigma, mode="constant") * sigma * np.sqrt(2 * np.pi)
    return np.asarray(np.minimum(blurred, 1.0), dtype=np.float32)


RING_FRAMES = 12
"""In which the energy of a blow falls by a factor of e: 0.12 s."""


def curves_of_strikes(
    strikes: Sequence[tuple[float, float]], frames: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(onset, energy), each (frames,), of blows at known times and strengths, and of nothing else:
    what moves before and after a blow is seldom heard. Each blow sets the energy to its strength,
    from where it falls exponentially."""
    times = np.array([t for t, _ in strikes], dtype=np.float64)
    strengths = np.array([s for _, s in strikes], dtype=np.float64)
    energy = np.zeros(frames)
    for time_s, strength in strikes:
        first = max(0, round(time_s * CURVE_HZ))
        fall = strength * np.exp(-np.arange(max(0, frames - first)) / RING_FRAMES)
        energy[first:] = np.maximum(energy[first:], fall)
    return onset_curve(times, strengths, frames, 0.03), energy.astype(np.float32)


def scaled(values: NDArray[np.float64], floor: float) -> NDArray[np.float64]:
    """Values over their own maximum, or over ``floor`` where that is larger. In [0, 1]."""
    return values / max(float(values.max(initial=0.0)), floor)


def curves_of_motion(motion: Curve, frames: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """(onset, energy), each (frames,), from a motion curve with channels energy and onset."""
    if len(motion) == 0:
        return np.zeros(frames, np.float32), np.zeros(frames, np.float32)
    energy = scaled(motion.values[:, 0].astype(np.float64), ENERGY_FLOOR)
    onset = scaled(motion.values[:, 1].astype(np.float64), ONSET_FLOOR)
    grid = (np.arange(frames) + 0.5) / CURVE_HZ
    smooth = np.interp(grid, motion.times_s, energy, right=0.0)
    last_s = float(motion.times_s[-1]) + 0.1
    smooth[grid > last_s] = 0
    return (
        onset_curve(motion.times_s, onset, frames, 0.03),
        gaussian_filter1d(smooth, 4).astype(np.float32),
    )
