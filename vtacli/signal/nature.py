"""What a recording is: one hit, an even bed, or a passage of many events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vtacli.signal.media import Audio
from vtacli.signal.onsets import envelope, find_onsets, steadiness

HIT, BED, PASSAGE = 0, 1, 2
"""Kinds of recording: one attack; an even texture; many events in a row."""
BLOW_STRENGTH = 0.6
"""What is more than 6.6 dB under the loudest onset of a single blow only leads up to it."""
SAME_ATTACK_S = 0.05
"""An onset found so soon after the first sound is that sound."""
LATEST_BLOW_S = 3.0
"""A blow that comes later is not looked for: its recording is cut after four seconds."""


@dataclass(frozen=True)
class Nature:
    """``kind``: HIT, BED or PASSAGE. ``lead_s``: the first attack; of a HIT, its blow: a latch
    that clicks before the door slams is no blow. ``onsets``: (time, strength) of all. ``end_s``:
    after it the recording is 40 dB under its peak."""

    kind: int
    lead_s: float
    onsets: tuple[tuple[float, float], ...]
    end_s: float


def nature_of(wave: NDArray[np.float32], rate_hz: int) -> Nature:
    """Measure a recording's first seconds. ``wave``: (N,) at ``rate_hz``."""
    wave = wave[: 11 * rate_hz]
    level = envelope(wave, rate_hz)
    if not len(level) or level.max() <= 0:
        return Nature(HIT, 0.0, (), len(wave) / rate_hz)
    loud = np.flatnonzero(level > level.max() * 0.01)
    first = np.flatnonzero(level > level.max() * 0.15)[0] / 100
    end_s = float(loud[-1] + 1) / 100
    onsets = tuple(find_onsets(Audio(wave[None], rate_hz)))
    strong = [t for t, s in onsets if s > 0.35]
    body = wave[int(first * rate_hz) : int(end_s * rate_hz)]
    if len(body) > 2.5 * rate_hz and steadiness(body, rate_hz) > 0.25:
        kind = BED
    elif len(strong) <= 2 and (not strong or strong[-1] - strong[0] < 0.25):
        kind = HIT if end_s - first < 4.0 else BED if steadiness(body, rate_hz) > 0.1 else HIT
    else:
        kind = PASSAGE
    lead_s = _blow_s(level, onsets, float(first)) if kind == HIT else float(first)
    return Nature(kind, lead_s, onsets, end_s)


def _blow_s(
    level: NDArray[np.float64], onsets: tuple[tuple[float, float], ...], first_s: float
) -> float:
    """When a recording of one blow strikes: its first onset that is about as loud as any, as soon
    as half of its level is reached; ``first_s`` where there is none, or it is that one.
    ``level``: (frames,) RMS every 10 ms."""
    for time_s, strength in onsets:
        if strength < BLOW_STRENGTH or time_s > LATEST_BLOW_S:
            continue
        if time_s < first_s + SAME_ATTACK_S:
            return first_s
        begin = max(0, round(time_s * 100) - 2)
        around = level[begin : begin + 10]
        return float(begin + np.flatnonzero(around >= 0.5 * around.max(initial=0.0))[0]) / 100
    return first_s


LONGEST_S = {HIT: 4.0, BED: 10.24, PASSAGE: 9.0}
"""How much of each kind is used."""

SHORTEST_S = 0.05
"""A recording that sounds for less than this is nothing that could be laid."""


@dataclass(frozen=True)
class Stretch:
    """A usable part of a recording, in seconds from its start.

    ``lead_s`` is the first attack, of a HIT its blow; ``onsets`` all of them as (time, strength);
    both counted from ``start_s``.
    """

    kind: int
    start_s: float
    end_s: float
    lead_s: float
    onsets: tuple[tuple[float, float], ...]

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


def stretches(wave: NDArray[np.float32], rate_hz: int, blows: int = 6) -> list[Stretch]:
    """What can be laid of a recording: itself, and of a passage its clearest single blows.

    ``wave``: (N,) at ``rate_hz``. Empty where it is shorter than :data:`SHORTEST_S`.
    """
    nature = nature_of(wave, rate_hz)
    end_s = min(nature.end_s, LONGEST_S[nature.kind])
    if end_s < SHORTEST_S:
        return []
    onsets = tuple((t, s) for t, s in nature.onsets if t < end_s)
    found = [Stretch(nature.kind, 0.0, end_s, nature.lead_s, onsets)]
    if nature.kind == PASSAGE:
        times = [t for t, _ in nature.onsets] + [nature.end_s]
        gaps = [
            (times[i + 1] - times[i], i)
            for i, (_, strength) in enumerate(nature.onsets)
            if strength > 0.5 and times[i + 1] - times[i] >= 0.18
        ]
        for gap, i in sorted(gaps, reverse=True)[:blows]:
            start = max(0.0, times[i] - 0.02)
            stop = min(start + gap, start + LONGEST_S[HIT], end_s)
            if stop - start > 0.15:
                lead = times[i] - start
                found.append(Stretch(HIT, start, stop, lead, ((lead, 1.0),)))
    return found
