"""One gain for a whole set, and the sum of the stems: exactly what the files hold.

What is summed is what is written. A float stem is rounded once, when the gain is applied; at 24
bits it is rounded to a step of the file as well. The sum is made of the rounded values, in double
precision, and rounded once more where floats need it. At 24 bits it needs nothing: a sum of whole
numbers under full scale is a whole number. Dither at 16 bits is added afterwards, to each file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vtacli.media.spool import BLOCK, SoundSpool
from vtacli.progress import Report, Step, ignore
from vtacli.signal.loudness import TruePeakMeter, from_db
from vtacli.signal.media import Audio

STAGE = "measure"
WHOLE_STEPS = {"24": 2**23}
"""Full scale in steps, where the stems are rounded before they are summed."""


@dataclass(frozen=True)
class Tracks:
    """The stems of a set on disk, all of one length, rate and number of channels; ``gain`` is an
    amplitude. ``bits``: of the files, None where they are compressed."""

    spools: tuple[SoundSpool, ...]
    gain: float
    bits: str | None

    @property
    def rate_hz(self) -> int:
        return self.spools[0].rate_hz

    @property
    def channels(self) -> int:
        return self.spools[0].channels

    def __len__(self) -> int:
        return len(self.spools[0])

    def stem(self, number: int, start: int, stop: int) -> Audio:
        """Samples of one stem as its file holds them, (C, stop - start)."""
        return Audio(self._rounded(self.spools[number].read(start, stop).data), self.rate_hz)

    def mix(self, start: int, stop: int) -> Audio:
        """Their sum, sample by sample."""
        total = np.zeros((self.channels, stop - start), np.float64)
        for spool in self.spools:
            total += self._rounded(spool.read(start, stop).data)
        return Audio(total.astype(np.float32), self.rate_hz)

    def _rounded(self, data: NDArray[np.float32]) -> NDArray[np.float32]:
        gained = data * np.float32(self.gain)
        steps = WHOLE_STEPS.get(self.bits or "")
        if steps is None:
            return gained
        whole: NDArray[np.float32] = (np.rint(gained.astype(np.float64) * steps) / steps).astype(
            np.float32
        )
        return whole


def peak_of_sum(spools: Sequence[SoundSpool], report: Report = ignore) -> float:
    """The true peak of the plain sum, full scale 1.0, in one pass over all stems."""
    plain = Tracks(tuple(spools), 1.0, None)
    meter = TruePeakMeter(plain.rate_hz, plain.channels)
    for start in range(0, len(plain), BLOCK):
        stop = min(start + BLOCK, len(plain))
        meter.add(plain.mix(start, stop).data)
        report(Step(STAGE, stop, len(plain)))
    return meter.peak()


def common_gain(peaks: Sequence[float], gain_db: float, ceiling_dbtp: float) -> float:
    """The asked gain, or the largest that keeps every one of these true peaks under the ceiling.
    An amplitude."""
    asked, peak = from_db(gain_db), max(peaks)
    return min(asked, from_db(ceiling_dbtp) / peak) if peak > 0 else asked


@dataclass(frozen=True)
class Extract:
    """A stretch of a set's timeline as a file has it: samples ``start`` to ``stop``, of which
    ``sound`` is heard and the rest, its handles, is silent."""

    start: int
    stop: int
    sound: range

    def __len__(self) -> int:
        return self.stop - self.start

    def blocks(self, tracks: Tracks, stem: int | None) -> Iterator[Audio]:
        """The samples of one stem, or of the mix (None), block by block."""
        for at, end in _pieces(self.start, self.sound.start):
            yield _silence(tracks, end - at)
        for at, end in _pieces(self.sound.start, self.sound.stop):
            yield tracks.mix(at, end) if stem is None else tracks.stem(stem, at, end)
        for at, end in _pieces(self.sound.stop, self.stop):
            yield _silence(tracks, end - at)


def _pieces(start: int, stop: int) -> Iterator[tuple[int, int]]:
    for at in range(start, stop, BLOCK):
        yield at, min(at + BLOCK, stop)


def _silence(tracks: Tracks, samples: int) -> Audio:
    return Audio(np.zeros((tracks.channels, samples), np.float32), tracks.rate_hz)
