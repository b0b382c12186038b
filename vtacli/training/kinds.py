"""What a recording is: one hit, an even bed, or a passage of many events."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vtacli.model.mini.draft import BED, HIT, PASSAGE
from vtacli.signal.media import Audio
from vtacli.signal.onsets import envelope, find_onsets, steadiness


@dataclass(frozen=True)
class Nature:
    """``kind``: HIT, BED or PASSAGE. ``lead_s``: first attack. ``onsets``: (time, strength) of
    all. ``end_s``: after it the recording is 40 dB under its peak."""

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
    return Nature(kind, float(first), onsets, end_s)
