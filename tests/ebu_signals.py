"""The minimum-requirement signals of EBU Tech 3341 (2023) and 3342, made from their definitions.

Tones are sines of 1 kHz in phase on all channels, levels are peaks in dBFS. Cases 7 and 8 of Tech
3341 (5 and 6 of Tech 3342) are recordings of programmes and cannot be made.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.signal import firwin, oaconvolve

SILENCE = -np.inf
Parts = Sequence[tuple[float, float]]


def tones(parts: Parts, rate: int = 48_000, gains_db: Sequence[float] = (0.0, 0.0)) -> NDArray:
    """(C, N) float32 of (level in dBFS, seconds) parts; ``gains_db``: of each channel."""
    ends = np.round(np.cumsum([0.0, *(s for _, s in parts)]) * rate).astype(int)
    wave = np.sin(2 * np.pi * 1000 * np.arange(ends[-1]) / rate)
    for (level, _), start, end in zip(parts, ends[:-1], ends[1:], strict=True):
        wave[start:end] *= 10 ** (level / 20)
    gains = 10 ** (np.array(gains_db) / 20)
    return (gains[:, None] * wave).astype(np.float32)


INTEGRATED = {
    1: ([(-23.0, 20)], -23.0),
    2: ([(-33.0, 20)], -33.0),
    3: ([(-36.0, 10), (-23.0, 60), (-36.0, 10)], -23.0),
    4: ([(-72.0, 10), (-36.0, 10), (-23.0, 60), (-36.0, 10), (-72.0, 10)], -23.0),
    5: ([(-26.0, 20), (-20.0, 20.1), (-26.0, 20)], -23.0),
}
"""Tech 3341, by case: parts and integrated loudness, ±0.1."""

SURROUND_LEVELS = (-28.0, -28.0, -24.0, -30.0, -30.0)
"""Case 6: L, R, C, Ls, Rs; 20 s; integrated -23.0 ±0.1."""

RANGES = {
    1: ([(-20.0, 20), (-30.0, 20)], 10.0),
    2: ([(-20.0, 20), (-15.0, 20)], 5.0),
    3: ([(-40.0, 20), (-20.0, 20)], 20.0),
    4: ([(-50.0, 20), (-35.0, 20), (-20.0, 20), (-35.0, 20), (-50.0, 20)], 15.0),
}
"""Tech 3342, by case: parts and range, ±1 LU."""

PEAK_TONES = {
    15: (4, 0.50, 0.0, -6.0),
    16: (4, 0.50, 45.0, -6.0),
    17: (6, 0.50, 60.0, -6.0),
    18: (8, 0.50, 67.5, -6.0),
    19: (4, 1.41, 45.0, +3.0),
}
"""Tech 3341: a sine of the rate divided by so much, amplitude, phase in degrees, dBTP."""


def tapered(wave: NDArray, rate: int) -> NDArray:
    """With 10 ms of fade-in and fade-out, on two channels, float32."""
    count = rate // 100
    fade = np.linspace(0, 1, count)
    wave = wave.copy()
    wave[:count] *= fade
    wave[-count:] *= fade[::-1]
    return np.tile(wave, (2, 1)).astype(np.float32)


def peak_tone(case: int, rate: int = 48_000) -> NDArray:
    """(2, N) float32 of cases 15 to 19."""
    divisor, amplitude, degrees, _ = PEAK_TONES[case]
    phase = 2 * np.pi * np.arange(rate) / divisor + np.radians(degrees)
    return tapered(amplitude * np.sin(phase), rate)


def peak_period(offset: int, rate: int = 48_000) -> NDArray:
    """(2, N) float32 of cases 20 to 23, ``offset`` 0 to 3; 0.0 dBTP.

    At four times the rate: a sine of rate / 6, amplitude 0.5, into which one period of rate / 4,
    amplitude 1, is set where it starts rising through zero; then low-pass filtered and decimated.
    """
    slow, fast, periods = 24, 16, 2000
    half = 0.5 * np.sin(2 * np.pi * np.arange(slow * periods) / slow)
    one = np.sin(2 * np.pi * np.arange(fast) / fast)
    fine = np.concatenate([half, one, half])
    low = firwin(1023, 0.5, fs=4)  # half of the rate that is decimated to
    return tapered(oaconvolve(fine, low, "same")[offset::4], rate)
