"""The two values that everything passes around: pictures and sound, with their units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Frames:
    """Sampled pictures.

    ``data``: (T, 3, H, W) uint8, RGB. ``times_s``: (T,) float64, presentation times in seconds,
    not decreasing.
    """

    data: NDArray[np.uint8]
    times_s: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.data.ndim != 4 or self.data.shape[1] != 3 or self.data.dtype != np.uint8:
            raise ValueError(
                f"frames are (T, 3, H, W) uint8, got {self.data.shape} {self.data.dtype}"
            )
        if self.times_s.shape != (len(self.data),):
            raise ValueError(f"times are ({len(self.data)},), got {self.times_s.shape}")
        if np.any(np.diff(self.times_s) < 0):
            raise ValueError("presentation times decrease")

    def __len__(self) -> int:
        return len(self.data)


@dataclass(frozen=True)
class Curve:
    """Values over time, at the film's own presentation times.

    ``times_s``: (T,) float64, increasing; ``values``: (T, C) float32.
    """

    times_s: NDArray[np.float64]
    values: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.times_s.shape != (len(self.values),):
            raise ValueError(
                f"a curve is (T,) times and (T, C) values, "
                f"got {self.times_s.shape} and {self.values.shape}"
            )

    def __len__(self) -> int:
        return len(self.values)

    def between(self, start_s: float, end_s: float) -> Curve:
        """The part with start_s <= time < end_s, its times counted from start_s."""
        lo, hi = np.searchsorted(self.times_s, [start_s, end_s])
        return Curve(self.times_s[lo:hi] - start_s, self.values[lo:hi])


@dataclass(frozen=True)
class Audio:
    """Sound. ``data``: (C, N) float32, full scale is 1.0; ``rate_hz``: samples a second."""

    data: NDArray[np.float32]
    rate_hz: int

    def __post_init__(self) -> None:
        if self.data.ndim != 2 or self.data.dtype != np.float32:
            raise ValueError(f"audio is (C, N) float32, got {self.data.shape} {self.data.dtype}")
        if self.rate_hz <= 0:
            raise ValueError(f"rate must be positive, got {self.rate_hz}")

    @property
    def channels(self) -> int:
        return int(self.data.shape[0])

    def __len__(self) -> int:
        return int(self.data.shape[1])

    @property
    def duration_s(self) -> float:
        return len(self) / self.rate_hz
