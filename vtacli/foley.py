"""A film's foley: the sounds of its scenes in their places, each at its own gain."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from vtacli.media.spool import BLOCK, SoundSpool
from vtacli.signal.ducking import DuckingGain
from vtacli.signal.fades import declick
from vtacli.signal.loudness import TruePeakMeter, from_db
from vtacli.signal.media import Audio
from vtacli.signal.mix import spread
from vtacli.signal.stitch import DECLICK_S
from vtacli.signal.width import Widener
from vtacli.timeline import Scene, samples_at

CHANNELS = 2
"""Foley is kept in stereo: a mono model's is centred, which stems and players agree on."""


@dataclass(frozen=True)
class Placed:
    """One scene in a film's foley. ``samples``: its place. ``peak``: the true peak of what is
    recorded there, full scale 1.0; 0 where it is silent or muted. ``gain``: an amplitude."""

    scene: Scene
    samples: range
    peak: float
    gain: float = 1.0


class Recorder:
    """Takes the scenes of a film in their order, and keeps them in stereo.

    ``width``: see :class:`vtacli.signal.width.Widener`, which begins anew with every scene: no
    echo of one is in the next.
    """

    def __init__(self, spool: SoundSpool, width: float = 0.0) -> None:
        self.spool, self.width = spool, width
        self.placed: list[Placed] = []

    def add(self, scene: Scene, blocks: Iterable[Audio]) -> Placed:
        """A scene's sound, (1 or 2, N) a block, as long as the scene; none at all is silence.

        Raises ValueError where it is longer or shorter, or not the next scene of the film.
        """
        rate_hz = self.spool.rate_hz
        place = scene.span.samples(rate_hz)
        if place.start != len(self.spool):
            raise ValueError(
                f"scene {scene.index + 1} begins at sample {place.start}, not {len(self.spool)}"
            )
        meter, widener = TruePeakMeter(rate_hz, CHANNELS), Widener(rate_hz, self.width)
        for block in blocks:
            stereo = self._widened(widener, block, place, rate_hz)
            self.spool.append(stereo)
            meter.add(stereo.data)
        if len(self.spool) == place.start:
            self._silence(len(place))
        if len(self.spool) != place.stop:
            raise ValueError(
                f"scene {scene.index + 1} ends at sample {len(self.spool)}, not {place.stop}"
            )
        self.placed.append(Placed(scene, place, meter.peak()))
        return self.placed[-1]

    def _widened(self, widener: Widener, block: Audio, place: range, rate_hz: int) -> Audio:
        if not self.width or not len(block):
            return replace(block, data=spread(block.data, CHANNELS))
        wide = widener.add(spread(block.data, CHANNELS))
        # what was added ends with the scene, where the sound itself has faded out already
        at = len(self.spool)
        short = min(samples_at(DECLICK_S, rate_hz), len(place) // 2)
        fade = np.ones(wide.shape[1], np.float32)
        fall = declick(short)[::-1]
        first = place.stop - short
        inside = np.arange(max(at, first), min(at + wide.shape[1], place.stop))
        fade[inside - at] = fall[inside - first]
        middle = wide.mean(axis=0, dtype=np.float32)
        return Audio((middle + fade * (wide - middle)).astype(np.float32), rate_hz)

    def _silence(self, samples: int) -> None:
        while samples > 0:
            now = min(samples, BLOCK)
            self.spool.append(Audio(np.zeros((CHANNELS, now), np.float32), self.spool.rate_hz))
            samples -= now


@dataclass(frozen=True)
class Foley:
    """Foley as it is heard: on disk as it was recorded, at its gains and giving way to speech as
    it is read. ``scenes``: in their order, together the whole film."""

    spool: SoundSpool
    scenes: tuple[Placed, ...]
    ducking: DuckingGain | None = None

    @property
    def rate_hz(self) -> int:
        return self.spool.rate_hz

    @property
    def peak(self) -> float:
        """The largest true peak of any scene as recorded, before gains."""
        return max(p.peak for p in self.scenes)

    def __len__(self) -> int:
        return len(self.spool)

    def at(self, gains: Iterable[float]) -> Foley:
        """The same with these gains, one a scene, amplitudes."""
        levels = zip(self.scenes, gains, strict=True)
        return replace(self, scenes=tuple(replace(p, gain=gain) for p, gain in levels))

    def asked(self, gain_db: float) -> Foley:
        """The same as it was asked for: the film's gain in dB and each scene's own; 0 where a
        scene is muted."""
        return self.at(
            0.0 if p.scene.mute else from_db(gain_db + p.scene.gain_db) for p in self.scenes
        )

    def read(self, start: int, stop: int) -> Audio:
        """Samples start .. stop, (2, stop - start)."""
        data = self.spool.read(start, stop).data
        if self.ducking is not None:
            data = data * self.ducking.between(start, stop)
        gain = np.zeros(stop - start, np.float32)
        first = bisect_right(self.scenes, start, key=lambda p: p.samples.stop)
        for p in self.scenes[first:]:
            lo, hi = max(start, p.samples.start), min(stop, p.samples.stop)
            if lo >= hi:
                break
            gain[lo - start : hi - start] = p.gain
        return Audio(data * gain, self.rate_hz)

    def blocks(self) -> Iterator[Audio]:
        """From its start, in blocks of :data:`vtacli.media.spool.BLOCK` samples."""
        for start in range(0, len(self), BLOCK):
            yield self.read(start, min(start + BLOCK, len(self)))
