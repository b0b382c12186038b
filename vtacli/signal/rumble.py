"""Rumble: what lies below hearing in a recording, and decides its level all the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from vtacli.signal.sections import filtered, high_pass

LOWEST_HZ = 45.0


def without_rumble(wave: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """High-pass filtered at :data:`LOWEST_HZ`, 24 dB an octave, causal. (N,)

    A tenth of the recordings hold most of their energy under 50 Hz, where hands, wind and offsets
    are: unheard, yet it decided their level and drowned their onsets.
    """
    sections = high_pass(4, LOWEST_HZ, rate_hz)
    out, _ = filtered(sections, wave, np.zeros((len(sections), 2)))
    return np.asarray(out, dtype=np.float32)
