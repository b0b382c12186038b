"""Filters in second-order sections, as scipy makes and runs them.

``scipy.signal`` takes most of a second to import, and a command that plans, refuses or looks
something up filters nothing: it is imported with the first filter.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Sections = NDArray[np.float64]
"""(sections, 6): the coefficients of each."""


def high_pass(order: int, cutoff_hz: float, rate_hz: float) -> Sections:
    """Butterworth's high-pass filter."""
    from scipy.signal import butter

    made: Sections = butter(order, cutoff_hz, "highpass", fs=rate_hz, output="sos")
    return made


def filtered(
    sections: Sections, samples: NDArray[Any], state: NDArray[np.float64], axis: int = -1
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """The next samples filtered, and the state for those that follow: nought, (sections, …, 2),
    before the first."""
    from scipy.signal import sosfilt

    out, state = sosfilt(sections, samples, axis=axis, zi=state)
    return out, state
