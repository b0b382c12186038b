"""Random stretches of the library, for the parts that learn sound as such: codec and vocoder."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.signal import resample

from vtacli.training.library import SoundLibrary


def held_out_waves(
    library: SoundLibrary, multiple: int, at_most_samples: int = 163_840
) -> Iterator[torch.Tensor]:
    """Each held-out recording's beginning, (1, N) with N a whole ``multiple`` of samples and at
    most a window. Recordings shorter than 0.16 s are left out."""
    for recording in library.held_out():
        wave = torch.from_numpy(library.wave(recording)[:at_most_samples])[None]
        length = wave.shape[1] // multiple * multiple
        if length >= 2560:
            yield wave[:, :length]


class Excerpts:
    """Batches of (B, samples) float32 tensors.

    Half of the draws give every recording the same chance, half every second of sound; a third
    are mixtures of two. Peaks lie between -36 and 0 dBFS, so that quiet sound is learnt too.
    ``speed``: half of the draws are played up to so many times faster or slower, which makes other
    things of the same recordings; 1 for none.
    """

    def __init__(self, library: SoundLibrary, samples: int, speed: float = 1.0):
        self.library = library
        self.samples = samples
        self.speed = speed
        self.recordings = library.training()
        lengths = np.array([r.length for r in self.recordings], dtype=np.float64)
        self.by_length = lengths / lengths.sum()

    def _one(self, rng: np.random.Generator) -> NDArray[np.float32]:
        weights = self.by_length if rng.random() < 0.5 else None
        recording = self.recordings[int(rng.choice(len(self.recordings), p=weights))]
        wave = self._played(self.library.wave(recording), rng)
        out = np.zeros(self.samples, dtype=np.float32)
        # From before the start to beyond the end: onsets and tails are the hard part.
        start = int(rng.integers(-self.samples // 2, max(1, len(wave) - self.samples // 4)))
        source = wave[max(0, start) : start + self.samples]
        at = max(0, -start)
        out[at : at + len(source)] = source
        peak = float(np.abs(out).max())
        if peak > 1e-4:
            out *= 10 ** (rng.uniform(-36, 0) / 20) / peak
        return out

    def _played(self, wave: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.float32]:
        """A recording, or a stretch of it that is long enough, faster or slower."""
        if self.speed == 1.0 or rng.random() < 0.5:
            return wave
        speed = self.speed ** rng.uniform(-1, 1)
        needed = round(2 * self.samples * speed)
        first = int(rng.integers(0, max(1, len(wave) - needed // 2)))
        stretch = wave[first : first + needed]
        return np.asarray(resample(stretch, max(1, round(len(stretch) / speed))), np.float32)

    def batch(self, rng: np.random.Generator, size: int) -> torch.Tensor:
        waves = []
        for _ in range(size):
            wave = self._one(rng)
            if rng.random() < 0.33:
                wave = wave + self._one(rng)
                wave /= max(1.0, float(np.abs(wave).max()))
            waves.append(wave)
        return torch.from_numpy(np.stack(waves))
