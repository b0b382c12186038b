"""A true-peak limiter that looks ahead, block by block, with no delay in what comes out.

Between the samples it hears what the meter hears (:mod:`vtacli.signal.loudness`): the programme
oversampled by four. Where that passes the ceiling, the reduction that is needed is

1. held from ``lookahead_ms`` before, so that it is there in time,
2. let go of exponentially, with the time constant ``release_ms``,
3. smoothed by a raised cosine over the look-ahead.

The raised cosine is an average of values none of which is too small, so the smoothed reduction is
never too small either. All channels get the same gain, and where nothing is reduced samples pass
as they are, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from math import inf

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from vtacli.signal.loudness import EDGE, OVERSAMPLING, from_db, to_db
from vtacli.signal.media import Audio

LOOKAHEAD_MS = 5.0
RELEASE_MS = 120.0
MARGIN_DB = 0.02
"""What passes the ceiling is brought this much under it: a gain that moves makes new peaks."""
FORGOTTEN = 1e-4
"""A reduction under this (0.001 dB) is none."""


class Limiter:
    """Give it blocks by :meth:`add`, and :meth:`finish`: as many samples come out as went in.

    ``reduced_s``: for how long the gain was under 1. ``largest_db``: by how much at most.
    """

    def __init__(
        self,
        rate_hz: int,
        channels: int,
        ceiling_dbtp: float,
        lookahead_ms: float = LOOKAHEAD_MS,
        release_ms: float = RELEASE_MS,
    ) -> None:
        if lookahead_ms <= 0 or release_ms <= 0:
            raise ValueError("look-ahead and release are longer than nothing")
        self.rate_hz, self.channels = rate_hz, channels
        self._ceiling = from_db(ceiling_dbtp)
        self._target = from_db(ceiling_dbtp - MARGIN_DB)
        self._ahead = max(1, round(lookahead_ms * rate_hz / 1000))
        self._decay = 1000.0 / (release_ms * rate_hz)  # of the logarithm, a sample
        shape = np.hanning(self._ahead + 3)[1:-1]
        self._shape = shape / shape.sum()
        self._peaks = _Peaks(rate_hz, channels)
        # the programme begins after a look-ahead of silence, which is not given out
        self._silence = self._ahead
        self._waiting = np.zeros((channels, self._ahead), np.float32)  # not yet given out
        self._needed = np.zeros(self._ahead)  # reductions whose look-ahead is not complete
        self._released = np.zeros(self._ahead)  # the last reductions before smoothing
        self._reduced = 0
        self._largest = 0.0

    @property
    def reduced_s(self) -> float:
        return self._reduced / self.rate_hz

    @property
    def largest_db(self) -> float:
        return -to_db(1.0 - self._largest) if self._largest < 1 else inf

    def add(self, data: NDArray[np.float32]) -> NDArray[np.float32]:
        """The next samples, (C, N) float32; those that are ready come back, (C, M)."""
        self._waiting = np.concatenate([self._waiting, data], axis=1)
        needed = np.concatenate([self._needed, self._reductions(self._peaks.add(data))])
        ready = max(0, len(needed) - self._ahead)
        self._needed = needed[ready:]
        return self._after_silence(self._given(self._held(needed)[:ready]))

    def finish(self) -> NDArray[np.float32]:
        """The rest, (C, M)."""
        needed = np.concatenate([self._needed, self._reductions(self._peaks.finish())])
        self._needed = np.zeros(0)
        return self._after_silence(self._given(self._held(needed)))

    def _after_silence(self, data: NDArray[np.float32]) -> NDArray[np.float32]:
        dropped = min(self._silence, data.shape[1])
        self._silence -= dropped
        return data[:, dropped:]

    def _reductions(self, peaks: NDArray[np.float64]) -> NDArray[np.float64]:
        """1 - gain that each peak needs, 0 where it is under the ceiling."""
        over = peaks > self._ceiling
        return np.where(over, 1.0 - self._target / np.where(over, peaks, 1.0), 0.0)

    def _held(self, needed: NDArray[np.float64]) -> NDArray[np.float64]:
        """At each sample the largest reduction from there to the end of the look-ahead."""
        size = self._ahead + 1
        if not needed.any():
            return needed
        held: NDArray[np.float64] = maximum_filter1d(
            needed, size, origin=-(size // 2), mode="constant", cval=0.0
        )
        return held

    def _given(self, held: NDArray[np.float64]) -> NDArray[np.float32]:
        data = self._waiting[:, : len(held)]
        self._waiting = self._waiting[:, len(held) :]
        if not len(held):
            return data
        released = self._let_go(held)
        before = self._released
        joined = np.concatenate([before, released])
        self._released = joined[-self._ahead :]
        if not joined.any():
            return data
        reduction = np.convolve(joined, self._shape, "valid")
        self._reduced += int(np.count_nonzero(reduction))
        self._largest = max(self._largest, float(reduction.max()))
        return (data * (1.0 - reduction)).astype(np.float32)

    def _let_go(self, held: NDArray[np.float64]) -> NDArray[np.float64]:
        """The least curve over ``held`` that falls no faster than the release."""
        last = float(self._released[-1])
        if not last and not held.any():
            return held
        at = np.arange(len(held) + 1) * self._decay
        with np.errstate(divide="ignore"):
            rising = np.log(np.concatenate([[last], held])) + at
        released: NDArray[np.float64] = np.exp(np.maximum.accumulate(rising) - at)[1:]
        # the exponential would never end, nor samples be untouched again
        return np.where(released < FORGOTTEN, 0.0, released)


class _Peaks:
    """The largest magnitude on and around each sample, in any channel, as the meter hears it."""

    def __init__(self, rate_hz: int, channels: int) -> None:
        self._stream = soxr.ResampleStream(
            rate_hz, OVERSAMPLING * rate_hz, channels, dtype="float32", quality="HQ"
        )
        self._channels = channels
        self._on = np.zeros(0)  # magnitudes of samples that have not come out yet
        self._fine = np.zeros(0)  # of oversampled values that do not make a sample's four yet
        self._between = np.zeros(1)  # of such fours: one before the first of ``_on``, and on
        self._samples = self._out = 0

    def add(self, data: NDArray[np.float32]) -> NDArray[np.float64]:
        """(C, N) in, the peaks of (M,) samples out, fewer or more."""
        if data.shape[1]:
            self._samples += data.shape[1]
            self._on = np.concatenate([self._on, np.abs(data).max(axis=0)])
            self._read(self._stream.resample_chunk(np.ascontiguousarray(data.T)))
        # the last of all are not read between the samples, and these may be the last
        return self._next(max(0, min(len(self._between) - 1 - EDGE, len(self._on))))

    def finish(self) -> NDArray[np.float64]:
        nothing = np.zeros((0, self._channels), np.float32)
        self._read(self._stream.resample_chunk(nothing, last=True))
        kept = max(1, len(self._on) - EDGE + 1)
        self._between = np.pad(self._between[:kept], (0, len(self._on)))
        return self._next(len(self._on))

    def _read(self, fine: NDArray[np.float32]) -> None:
        joined = np.concatenate([self._fine, np.abs(fine).max(axis=1, initial=0.0)])
        whole = len(joined) - len(joined) % OVERSAMPLING
        self._fine = joined[whole:]
        self._between = np.concatenate(
            [self._between, joined[:whole].reshape(-1, OVERSAMPLING).max(axis=1)]
        )

    def _next(self, count: int) -> NDArray[np.float64]:
        between = self._between[: count + 1].copy()
        # between[i] is what follows sample out + i - 1
        between[: max(0, EDGE - self._out + 1)] = 0.0
        peaks = np.maximum(self._on[:count], np.maximum(between[:-1], between[1:]))
        self._on, self._between = self._on[count:], self._between[count:]
        self._out += count
        return np.asarray(peaks, np.float64)


def limited(
    blocks: Iterable[Audio], rate_hz: int, channels: int, ceiling_dbtp: float
) -> Iterator[Audio]:
    """The blocks with their true peak under the ceiling; their sizes change, their sum does not."""
    limiter = Limiter(rate_hz, channels, ceiling_dbtp)
    for block in blocks:
        out = limiter.add(block.data)
        if out.shape[1]:
            yield Audio(out, rate_hz)
    out = limiter.finish()
    if out.shape[1]:
        yield Audio(out, rate_hz)
