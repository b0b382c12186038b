"""How pictures move: dense optical flow between neighbouring frames, folded to a row a pair.

Two methods of OpenCV: DIS (Kroeger et al., 1603.03590) and Farneback's polynomial expansion
(SCIA 2003). Speeds are in picture widths a second, so that neither the frames' size nor their rate
changes them; to the right and down are positive, as pixels are counted.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vtacli.errors import ConfigError
from vtacli.signal.media import Frames

SIDE_PX = 112
"""Frames are looked at in this size."""
CELLS = 4
"""The picture is folded to so many cells a side."""
DIRECTIONS = 8
CELL_VALUES = 3 + DIRECTIONS
"""Of each cell: mean speed to the right, mean speed down, mean length of the speed, then how that
length is shared among the directions: sectors of 45 degrees, the first around "to the right", the
third around "down". They sum to the mean length."""
ROW = CELLS * CELLS * CELL_VALUES

Estimate = Callable[[NDArray[np.uint8], NDArray[np.uint8]], NDArray[np.float32]]


def flow_rows(
    frames: Frames, method: str = "dis"
) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """(P, ROW) and the pairs' middle times (P,), for the P pairs of neighbouring frames whose
    times differ. Rows are the cells row by row. Raises ConfigError for an unknown method."""
    estimate = _estimate(method)
    grey = [_grey(picture) for picture in frames.data]
    rows, times = [], []
    for k in range(1, len(grey)):
        step_s = float(frames.times_s[k] - frames.times_s[k - 1])
        if step_s > 0:
            speed = estimate(grey[k - 1], grey[k]) / (SIDE_PX * step_s)
            rows.append(folded(speed))
            times.append(float(frames.times_s[k - 1] + step_s / 2))
    return np.array(rows, np.float32).reshape(-1, ROW), np.array(times, np.float64)


def folded(speed: NDArray[np.float32]) -> NDArray[np.float32]:
    """Speeds (SIDE_PX, SIDE_PX, 2) -> (ROW,)."""
    length = np.hypot(speed[..., 0], speed[..., 1])
    sector = np.arctan2(speed[..., 1], speed[..., 0]) / (2 * np.pi) * DIRECTIONS
    number = np.rint(sector).astype(int) % DIRECTIONS
    shares = np.where(number[..., None] == np.arange(DIRECTIONS), length[..., None], 0)
    values = np.concatenate([speed, length[..., None], shares], axis=-1)
    cell = SIDE_PX // CELLS
    means = values.reshape(CELLS, cell, CELLS, cell, CELL_VALUES).mean(axis=(1, 3))
    return np.asarray(means.reshape(-1), np.float32)


def _grey(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(3, H, W) RGB -> (SIDE_PX, SIDE_PX)."""
    import cv2

    grey = cv2.cvtColor(np.ascontiguousarray(picture.transpose(1, 2, 0)), cv2.COLOR_RGB2GRAY)
    shrinks = min(grey.shape) > SIDE_PX
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (SIDE_PX, SIDE_PX), interpolation=how), np.uint8)


def _estimate(method: str) -> Estimate:
    if method == "dis":
        import cv2

        dis = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        return lambda before, after: np.asarray(dis.calc(before, after, None), np.float32)
    if method == "farneback":
        return _farneback
    raise ConfigError(f"no optical flow {method!r}.", hint="Choose dis or farneback.")


def _farneback(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> NDArray[np.float32]:
    import cv2

    # Three levels halving, windows of 15 pixels, polynomials over 5: OpenCV's own example.
    flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.2, 0)
    return np.asarray(flow, np.float32)
