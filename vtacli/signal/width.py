"""Width for a mono sound, which a mono listener does not hear: left and right get the same thing
with opposite signs, so that their sum is what it was.

What is added is the sound itself through a chain of all-pass filters, each an echo that feeds
itself (Schroeder, "Natural Sounding Artificial Reverberation", 1962): as loud at every frequency,
but of another shape in time, over a few hundredths of a second. The lowest frequencies stay in the
centre, where mixes and loudspeakers want them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vtacli.signal.sections import filtered, high_pass

DELAYS_MS = (1.37, 2.71, 4.19, 6.83)
"""With no common measure, so that the echoes do not fall together."""
FEEDBACK = 0.6
LOWEST_HZ = 120.0


class AllPass:
    """One echo: ``y[n] = -g x[n] + x[n - D] + g y[n - D]``, D samples of delay."""

    def __init__(self, delay: int, gain: float = FEEDBACK) -> None:
        self.delay, self.gain = delay, gain
        self._in = np.zeros(delay)
        self._out = np.zeros(delay)

    def add(self, x: NDArray[np.float64]) -> NDArray[np.float64]:
        """The next (N,) samples in, as many out."""
        before = np.concatenate([self._in, x])
        y = np.concatenate([self._out, np.zeros(len(x))])
        d, g = self.delay, self.gain
        for at in range(0, len(x), d):  # what comes back is at least a delay old
            end = min(at + d, len(x))
            y[at + d : end + d] = -g * x[at:end] + before[at:end] + g * y[at:end]
        self._in, self._out = before[len(before) - d :], y[len(y) - d :]
        return y[d:]


class Widener:
    """Mono to stereo, block by block, in no more time than it takes: sample 0 stays sample 0.

    ``width`` in [0, 1]: 0 is the same sound left and right, at 1 the two are not correlated (and
    their power is twice that of the centre alone). It is linear: a sum of widened sounds is the
    widened sum.
    """

    def __init__(self, rate_hz: int, width: float) -> None:
        if not 0 <= width <= 1:
            raise ValueError(f"width is in [0, 1], got {width}")
        self.width = width
        self._echoes = [AllPass(max(1, round(ms * rate_hz / 1000))) for ms in DELAYS_MS]
        self._low_cut = high_pass(1, LOWEST_HZ, rate_hz)
        self._state = np.zeros((1, 2))

    def side(self, mono: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N,) the next samples -> (N,), to be added to the left and taken from the right."""
        x = mono.astype(np.float64)
        if len(x):
            x, self._state = filtered(self._low_cut, x, self._state)
        for echo in self._echoes:
            x = echo.add(x)
        return (self.width * x).astype(np.float32)

    def add(self, data: NDArray[np.float32]) -> NDArray[np.float32]:
        """(1, N) -> (2, N): each side the mono sound, plus and minus what makes the width.

        (2, N) -> (2, N): a stereo sound gets the width of its own sum's half.
        """
        if len(data) not in (1, 2):
            raise ValueError(f"mono or stereo is widened, got {len(data)} channels")
        if not self.width:
            return np.concatenate([data, data]) if len(data) == 1 else data
        middle = data.mean(axis=0, dtype=np.float32)
        side = self.side(middle)
        return np.stack([data[0] + side, data[-1] - side])
