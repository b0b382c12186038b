"""Foley beside the film's own sound: channels, gains, and the true-peak ceiling.

Channels. One channel goes to two at -3 dB each and back, the constant-power law of a centred pan
pot; the original keeps its layout, and in anything wider than stereo foley goes to front left and
right. Where a layout has no such pair it goes to the front centre.

Ceiling. The policy has a name, :data:`POLICY`. Every scene has one constant gain, chosen from that
scene alone, and the mix as a whole has one, so that nothing pumps and no scene changes another:

1. a scene's foley is lowered until its own true peak is under the ceiling;
2. in a mix, it is lowered until the mix fits within the scene, by at most :data:`YIELD_DB`;
3. what is still over is the original's own loudness: the mix as a whole is trimmed. The original
   track is not: it stays in the film as it was. Where the trim was chosen before, and a scene that
   is new does not fit under it, that scene's foley is lowered further, and the others stay.

The peak of ``original + g * foley`` is the largest of many |a + g b|, so it is convex in g, and
between two measured gains it lies under their chord. One pass over the film that measures two
gains is therefore enough to choose one that is sure to fit.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray

from vtacli.signal.layouts import speakers
from vtacli.signal.loudness import TruePeakMeter, from_db, to_db
from vtacli.signal.media import Audio

POLICY = "each-scene-yields-6dB-then-trim"
YIELD_DB = 6.0
CENTRE = 1.0 / sqrt(2.0)


@dataclass(frozen=True)
class Gains:
    """Amplitudes, not dB. ``mix`` multiplies original and foley alike, after ``foley``."""

    foley: float
    mix: float = 1.0

    def __str__(self) -> str:
        return f"foley {to_db(self.foley):+.1f} dB, mix {to_db(self.mix):+.1f} dB"


def spread(foley: NDArray[np.float32], channels: int, layout: str = "") -> NDArray[np.float32]:
    """(1 or 2, N) foley on ``channels`` channels, (channels, N).

    ``layout``: ffmpeg's name of it, where it is not the usual one of that many channels.
    """
    have = len(foley)
    if have not in (1, 2):
        raise ValueError(f"foley is mono or stereo, got {have} channels")
    places = speakers(layout, channels)
    # where no loudspeaker has a name, front left and right are the first two
    pair = [places.index(p) for p in ("FL", "FR") if p in places] if any(places) else [0, 1]
    if have == channels and (have == 1 or pair == [0, 1]):
        return foley
    out = np.zeros((channels, foley.shape[1]), np.float32)
    if len(pair) == 2:
        out[pair] = np.float32(CENTRE) * foley if have == 1 else foley
    else:
        centre = places.index("FC") if "FC" in places else 0
        mono = foley.sum(axis=0, dtype=np.float32) * np.float32(CENTRE) if have == 2 else foley[0]
        out[centre] = mono
    return out


def mixed(original: Audio, foley: Audio, gains: Gains, layout: str = "") -> Audio:
    """(C, N) of the original's C channels, N its length; both have the same rate and length."""
    if original.rate_hz != foley.rate_hz or len(original) != len(foley):
        raise ValueError(
            f"cannot mix {len(original)} samples at {original.rate_hz} Hz "
            f"with {len(foley)} at {foley.rate_hz} Hz"
        )
    wide = spread(foley.data, original.channels, layout)
    total = original.data + np.float32(gains.foley) * wide
    return Audio(np.float32(gains.mix) * total, original.rate_hz)


def fit_foley(peak: float, gain_db: float, ceiling_db: float) -> Gains:
    """The asked gain, or the largest that keeps foley of true peak ``peak`` under the ceiling."""
    asked = from_db(gain_db)
    return Gains(min(asked, from_db(ceiling_db) / peak) if peak > 0 else asked)


class MixMeter:
    """Measures, in one pass, what the mix would peak at with the foley at ``full`` and at ``least``
    (None: ``full`` less :data:`YIELD_DB`), and chooses the gains. Amplitudes."""

    def __init__(
        self,
        rate_hz: int,
        channels: int,
        full: float,
        layout: str = "",
        least: float | None = None,
    ) -> None:
        self.full = full
        self.layout = layout
        self.least = full * from_db(-YIELD_DB) if least is None else least
        self._at_full = TruePeakMeter(rate_hz, channels)
        self._at_least = TruePeakMeter(rate_hz, channels)

    def add(self, original: Audio, foley: Audio) -> None:
        """The next blocks of both, of the same length."""
        self._at_full.add(mixed(original, foley, Gains(self.full), self.layout).data)
        self._at_least.add(mixed(original, foley, Gains(self.least), self.layout).data)

    def beside(self, original: Audio) -> None:
        """What is heard just before or after: see
        :meth:`vtacli.signal.loudness.TruePeakMeter.beside`."""
        self._at_full.beside(original.data)
        self._at_least.beside(original.data)

    def fit(self, ceiling_db: float) -> Gains:
        """The largest gains that are sure to keep the mix's true peak at or under the ceiling."""
        ceiling = from_db(ceiling_db)
        high, low = self._at_full.peak(), self._at_least.peak()
        if high <= ceiling:
            return Gains(self.full)
        if low <= ceiling:
            along = (ceiling - low) / (high - low)
            return Gains(self.least + along * (self.full - self.least))
        return Gains(self.least, ceiling / low)
