"""From windows of model output to one track of exactly the film's length, a block at a time.

Every window is resampled on its own, whole, and then cut to its place on the film's grid. So the
sound of a scene depends on nothing outside the scene (one scene can be made again and is the
same), and the resampler's own edges lie where the window is cut off or faded. Places on the grid
come from absolute times, each rounded once; no length is ever added to another.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import soxr
from numpy.typing import NDArray

from vtacli.signal.fades import FadeShape, Gains, declick
from vtacli.signal.media import Audio
from vtacli.timeline import Window, samples_at

DECLICK_S = Fraction(4, 1000)
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Grid:
    """The samples that a film's track has, and how windows are joined on them.

    ``duration_s``: where it ends, in seconds from the film's beginning. ``start_s``: from where on
    it is wanted, for a scene by itself.
    """

    rate_hz: int
    duration_s: Fraction
    shape: FadeShape = FadeShape.EQUAL_POWER
    declick_s: Fraction = DECLICK_S
    start_s: Fraction = Fraction(0)

    @property
    def first(self) -> int:
        return samples_at(self.start_s, self.rate_hz)

    @property
    def samples(self) -> int:
        """Where it ends, counted from the film's beginning."""
        return samples_at(self.duration_s, self.rate_hz)


class Stitcher:
    """Takes windows in film order; gives back what no later window can change.

    Holds no more than one window. Raises ValueError where the windows do not cover the film
    exactly: a gap, an overlap that is not a cross-fade, or a wrong order.
    """

    def __init__(self, grid: Grid, channels: int) -> None:
        self.grid = grid
        self.channels = channels
        self.done = grid.first
        self._sum = np.zeros((channels, 0))
        self._shares: Gains = np.zeros(0)

    def add(self, window: Window, audio: Audio) -> Audio:
        """Lay ``audio`` (C, N), beginning at the window's start, at its place.

        Returns (C, M), M >= 0: the samples before this window's fade-out that are now final.
        """
        rate = self.grid.rate_hz
        place = window.span.samples(rate)
        if place.start < self.done or place.stop > self.grid.samples:
            raise ValueError(
                f"window {window.index} of scene {window.scene} lies at {place.start}.."
                f"{place.stop}, outside {self.done}..{self.grid.samples}"
            )
        sound = _cut(resample(audio, rate), len(place), self.channels)
        gains, edges = _gains(window, rate, self.grid)

        self._reach(place.stop)
        at = slice(place.start - self.done, place.stop - self.done)
        self._sum[:, at] += sound * (gains * edges)
        self._shares[at] += self.grid.shape.shares(gains)
        return self._take(samples_at(window.span.end_s - window.fade_out_s, rate))

    def finish(self) -> Audio:
        """The rest, (C, M). Raises ValueError if the film's end was not reached."""
        rest = self._take(self.done + self._sum.shape[1])
        if self.done != self.grid.samples:
            raise ValueError(f"windows end at sample {self.done} of {self.grid.samples}")
        return rest

    def _reach(self, stop: int) -> None:
        missing = stop - self.done - self._sum.shape[1]
        if missing > 0:
            self._sum = np.pad(self._sum, ((0, 0), (0, missing)))
            self._shares = np.pad(self._shares, (0, missing))

    def _take(self, stop: int) -> Audio:
        count = max(0, stop - self.done)
        shares = self._shares[:count]
        if count and np.max(np.abs(shares - 1.0)) > TOLERANCE:
            wrong = int(np.argmax(np.abs(shares - 1.0)))
            raise ValueError(
                f"windows share sample {self.done + wrong} to {shares[wrong]:.6f} instead of 1"
            )
        block = Audio(self._sum[:, :count].astype(np.float32), self.grid.rate_hz)
        self._sum = self._sum[:, count:].copy()
        self._shares = self._shares[count:].copy()
        self.done += count
        return block


def stitch(pieces: Iterable[tuple[Window, Audio]], grid: Grid) -> Iterator[Audio]:
    """Blocks (C, M) that together have exactly the samples ``grid.first`` .. ``grid.samples``.

    The number of channels is the first window's; a later one with another raises ValueError.
    """
    stitcher: Stitcher | None = None
    for window, audio in pieces:
        stitcher = stitcher or Stitcher(grid, audio.channels)
        yield stitcher.add(window, audio)
    if stitcher is None:
        raise ValueError("there is no window to stitch")
    yield stitcher.finish()


def resample(audio: Audio, rate_hz: int) -> Audio:
    """The same sound at another rate (soxr, very high quality), (C, ~N * rate_hz / rate)."""
    if audio.rate_hz == rate_hz or len(audio) == 0:
        return Audio(audio.data, rate_hz)
    out = soxr.resample(audio.data.T, audio.rate_hz, rate_hz, quality="VHQ")
    return Audio(np.ascontiguousarray(out.T, dtype=np.float32), rate_hz)


def _cut(audio: Audio, length: int, channels: int) -> NDArray[np.float32]:
    """Exactly ``length`` samples. Rounding may leave a window one sample short, never more."""
    if audio.channels != channels:
        raise ValueError(f"a window has {audio.channels} channels, the ones before {channels}")
    missing = length - len(audio)
    if missing > 1:
        raise ValueError(f"a window of {length} samples got only {len(audio)}")
    return np.pad(audio.data, ((0, 0), (0, max(0, missing))), mode="edge")[:, :length]


def _gains(window: Window, rate_hz: int, grid: Grid) -> tuple[Gains, Gains]:
    """The cross-fades, and apart from them the declicking of a scene's own edges: both (N,)."""
    place = window.span.samples(rate_hz)
    gains, edges = np.ones(len(place)), np.ones(len(place))
    fade_in = samples_at(window.span.start_s + window.fade_in_s, rate_hz) - place.start
    fade_out = place.stop - samples_at(window.span.end_s - window.fade_out_s, rate_hz)
    short = min(samples_at(grid.declick_s, rate_hz), len(place) // 2)
    if fade_in:
        gains[:fade_in] = grid.shape.rise(fade_in)
    else:
        edges[:short] *= declick(short)
    if fade_out:
        gains[len(gains) - fade_out :] = grid.shape.fall(fade_out)
    else:
        edges[len(edges) - short :] *= declick(short)[::-1]
    return gains, edges
