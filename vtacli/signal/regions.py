"""Local motion: what each region of the picture does, less what the camera does.

The picture is shrunk to cells of 2×2 pixels and blurred, so that a thing which moves by a cell or
two changes every cell smoothly with its place, whatever its speed. Of a cell's change since the
picture before, what the whole picture shares is taken away: a shift, a zoom, a change of light.
The rest, summed over overlapping regions, is described by numbers that hardly depend on contrast.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

WINDOW, STRIDE = 6, 2
"""Cells on a side of a region, and from one region to the next."""

FEATURES = 8
"""Energy, how it agrees with the change one and two steps before, direction across the picture's
slopes downwards and to the right; then, of the whole picture: energy, camera, and step."""

REFERENCE_STEP_S = 1 / 25
FLOOR = 0.3
"""Levels of 255 that a blurred cell changes by without meaning it."""
ROUNDS = 2
"""Least squares, each but the first with less weight for what did not fit."""

Cells = NDArray[np.float32]
RIDGE = np.array([0.05, 0.05, 0.05, 0.05, 5e-5], np.float32)
"""So much doubt, a cell, in each part of the camera's movement: nothing is read into flat walls."""


class RegionMeter:
    """Takes pictures one at a time, and describes each step between two. It keeps two steps."""

    def __init__(self) -> None:
        self._cells: Cells | None = None
        self._steps: list[Cells] = []
        self._place: NDArray[np.float32] | None = None

    def start(self, luma: NDArray[np.uint8]) -> None:
        """The first picture (h, w), to which the next is compared."""
        self._cells = _cells(luma)

    def step(self, luma: NDArray[np.uint8], elapsed_s: float) -> NDArray[np.float32]:
        """(regions, :data:`FEATURES`) for the step from the picture before to this one."""
        assert self._cells is not None, "start() comes first"
        now = _cells(luma)
        change, middle = now - self._cells, (now + self._cells) * np.float32(0.5)
        self._cells = now
        if self._place is None:
            height, width = now.shape
            down, right = np.mgrid[0:height, 0:width].astype(np.float32)
            self._place = np.stack([down / height - 0.5, right / width - 0.5])
        slope_y, slope_x = _slopes(middle)
        own = _without_camera(change, middle, slope_y, slope_x, self._place)
        camera = float(np.abs(change - own).mean())
        own = own - np.clip(own, -FLOOR, FLOOR)
        own *= np.float32(REFERENCE_STEP_S / elapsed_s)
        return self._described(own, slope_y, slope_x, camera, elapsed_s)

    def rest(self, elapsed_s: float) -> NDArray[np.float32]:
        """The same for a step in which nothing changed at all."""
        assert self._cells is not None, "start() comes first"
        still = np.zeros_like(self._cells)
        return self._described(still, still, still, 0.0, elapsed_s)

    def _described(
        self, own: Cells, slope_y: Cells, slope_x: Cells, camera: float, elapsed_s: float
    ) -> NDArray[np.float32]:
        before = [*self._steps, np.zeros_like(own), np.zeros_like(own)][:2]
        self._steps = [own, before[0]]
        maps = [np.abs(own), own * own, own * before[0], own * before[1], before[0] ** 2,
                before[1] ** 2, own * slope_y, own * slope_x, slope_y**2, slope_x**2]  # fmt: skip
        energy, square, first, second, first2, second2, down, right, steep_y, steep_x = _sums(
            np.stack(maps)
        )
        least = WINDOW * WINDOW * 0.1
        out = np.empty((len(energy), FEATURES), np.float32)
        out[:, 0] = np.log1p(4 / WINDOW**2 * energy)
        out[:, 1] = first / (np.sqrt(square * first2) + least)
        out[:, 2] = second / (np.sqrt(square * second2) + least)
        out[:, 3] = -down / (np.sqrt(square * steep_y) + least)
        out[:, 4] = -right / (np.sqrt(square * steep_x) + least)
        out[:, 5] = np.log1p(4 * float(np.abs(own).mean()))
        out[:, 6] = np.log1p(4 * camera)
        out[:, 7] = 10 * elapsed_s
        return out


def _cells(luma: NDArray[np.uint8]) -> Cells:
    """(h, w) -> (h / 2 - 4, w / 2 - 4): means of 2×2 pixels, blurred twice by [1 2 1] / 4, and
    only where the blur is whole: what comes into the picture then comes smoothly."""
    height, width = luma.shape
    return np.asarray(_shrunk(height) @ luma.astype(np.float32) @ _shrunk(width).T, np.float32)


@lru_cache(maxsize=8)
def _shrunk(length: int) -> NDArray[np.float32]:
    """(length / 2 - 4, length): what a cell takes of each pixel along one side."""
    pairs = np.kron(np.eye(length // 2), [0.5, 0.5])
    rows = np.pad(pairs, ((0, 0), (0, length % 2)))
    for _ in range(2):
        rows = (rows[:-2] + 2 * rows[1:-1] + rows[2:]) / 4
    return rows.astype(np.float32)


def _slopes(cells: Cells) -> tuple[Cells, Cells]:
    """How much brighter it gets downwards and to the right, a cell; 0 at the border."""
    down, right = np.zeros_like(cells), np.zeros_like(cells)
    down[1:-1] = (cells[2:] - cells[:-2]) * np.float32(0.5)
    right[:, 1:-1] = (cells[:, 2:] - cells[:, :-2]) * np.float32(0.5)
    return down, right


def _without_camera(
    change: Cells, middle: Cells, slope_y: Cells, slope_x: Cells, place: NDArray[np.float32]
) -> Cells:
    """What is left of a change when a shift, a zoom, a gain and an offset of the whole picture
    are fitted to it (Lucas and Kanade 1981, with weights that forget what moves by itself)."""
    zoom = slope_y * place[0] + slope_x * place[1]
    basis = np.stack([slope_y, slope_x, zoom, middle / 64, np.ones_like(middle)]).reshape(5, -1)
    target = change.ravel()
    ridge = np.diag(RIDGE * np.float32(target.size))
    rest = target
    weighted = basis
    for turn in range(ROUNDS):
        if turn:
            size = np.abs(rest)
            usual = 1.5 * np.partition(size, size.size // 2)[size.size // 2] + 0.3
            weighted = basis / (1 + (rest / usual) ** 2)
        shared = np.linalg.solve(weighted @ basis.T + ridge, weighted @ target)
        rest = target - shared @ basis
    return np.asarray(rest.reshape(change.shape), np.float32)


def _sums(maps: NDArray[np.float32]) -> NDArray[np.float32]:
    """(M, h, w) -> (M, regions): sums over windows."""
    height, width = maps.shape[1:]
    sums = _windows(height) @ (maps @ _windows(width).T)
    return np.asarray(sums.reshape(len(maps), -1), np.float32)


@lru_cache(maxsize=8)
def _windows(length: int) -> NDArray[np.float32]:
    """(windows, length): ones where a window lies. As a matrix, because that is quickest."""
    starts = range(0, length - WINDOW + 1, STRIDE)
    table = np.zeros((len(starts), length), np.float32)
    for row, start in enumerate(starts):
        table[row, start : start + WINDOW] = 1
    return table
