"""A small library of made sounds with a manifest, for tests of training."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import soundfile


def make_toy_sounds(folder: Path, count: int = 40, rate_hz: int = 16_000) -> Path:
    """``count`` recordings in turn of knocks, bells, rain and footsteps, and manifest.csv."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    rows = []
    for i in range(count):
        kind = i % 4
        time = np.arange(rate_hz * (1 if kind < 2 else 5)) / rate_hz
        if kind == 0:
            label, wave = "wood hit", np.exp(-time * 12) * rng.standard_normal(len(time))
        elif kind == 1:
            label, wave = "bell", np.exp(-time * 6) * np.sin(2 * np.pi * (800 + i * 10) * time)
        elif kind == 2:
            label, wave = "rain", rng.standard_normal(len(time)) * 0.3
        else:
            label, wave = "footsteps", np.zeros(len(time))
            for step in range(8):
                blow = np.exp(-np.arange(3000) / 500) * rng.standard_normal(3000)
                wave[step * 9000 : step * 9000 + 3000] += blow
        name = f"{label.replace(' ', '-')}-{i}.wav"
        soundfile.write(folder / name, (wave / np.abs(wave).max() * 0.7).astype("f4"), rate_hz)
        rows.append(
            {
                "file": name,
                "seconds": len(time) / rate_hz,
                "label": label,
                "licence": "CC0-1.0",
                "author": "made",
                "source": "made: here",
            }
        )
    with (folder / "manifest.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder
