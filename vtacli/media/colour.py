"""Y'CbCr to RGB for small pictures, by the film's own matrix and range."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

FULL_RANGE = 2
"""FFmpeg's number for levels of 0 to 255; all else is 16 to 235 and 16 to 240."""

_LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),  # ITU-R BT.709
    4: (0.30, 0.11),  # FCC
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # ITU-R BT.2020
    10: (0.2627, 0.0593),
}
_BT_601 = (0.299, 0.114)
"""Red's and blue's part of luma; BT.601 also where a film does not say, as ffmpeg has it."""


def is_full_range(frame: Any) -> bool:
    """Whether a decoded picture's levels go from 0 to 255."""
    return frame.format.name.startswith("yuvj") or int(frame.color_range) == FULL_RANGE


@lru_cache(maxsize=8)
def rgb_matrix(colorspace: int, full_range: bool) -> NDArray[np.float32]:
    """(3, 4): RGB = M [Y', Cb, Cr, 1] on levels of 0 to 255 (ITU-T H.273, 8.3).

    ``colorspace``: FFmpeg's number of the matrix.
    """
    red, blue = _LUMA_WEIGHTS.get(colorspace, _BT_601)
    green = 1 - red - blue
    luma_gain, chroma_gain = (1.0, 1.0) if full_range else (255 / 219, 255 / 224)
    from_cb = np.array([0, -2 * blue * (1 - blue) / green, 2 * (1 - blue)]) * chroma_gain
    from_cr = np.array([2 * (1 - red), -2 * red * (1 - red) / green, 0]) * chroma_gain
    black = 0 if full_range else 16
    offset = -luma_gain * black - 128 * (from_cb + from_cr)
    columns = [np.full(3, luma_gain), from_cb, from_cr, offset]
    return np.stack(columns, axis=1).astype(np.float32)
