"""What the shipped model made when the edition of its code was set, and how that is recorded.

Run as a program after a change that is meant: ``python tests/sound_edition.py``. It refuses where
the sound of the same weights has changed and the edition has not.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from vtacli.model.contract import NoiseKey, Reference, Sampling, WindowContent
from vtacli.signal.media import Audio, Curve, Frames
from vtacli.window_cache.edition import EDITION
from vtacli.window_cache.identity import model_hash

ROOT = Path(__file__).parent.parent
MODEL = ROOT / "weights" / "vta-mini"
GOLDEN = ROOT / "tests" / "golden" / "sound_edition.json"
PROJECTIONS = 32
TOLERANCE = 1e-4
"""Of the norm. Between this processor's widest instructions and its oldest (torch with
``ATEN_CPU_CAPABILITY=default``), with oneDNN and without, on one thread and two, samples differ
by at most 2e-6 of the peak; with another seed, by as much as they are."""


def windows() -> list[WindowContent]:
    """A picture without words; words, blows and a negative; a reference; and what begins near a
    draft of the bank: blows on gravel, and rain."""
    shade = np.linspace(0, 255, 4 * 3 * 224 * 224).reshape(4, 3, 224, 224).astype(np.uint8)
    frames = Frames(shade, np.arange(4) * 0.5)
    motion = np.zeros((256, 2), np.float32)
    motion[50], motion[120] = (0.02, 0.9), (0.05, 0.5)
    moving = Curve(np.arange(256) * 0.04, motion)
    click = np.zeros((1, 8000), np.float32)
    click[0, :2000] = 0.5 * np.sin(np.arange(2000) * 0.3) * np.linspace(1, 0, 2000)
    return [
        WindowContent(frames, 10.24, NoiseKey(7, 0, 0), moving),
        WindowContent(
            frames, 8.0, NoiseKey(7, 0, 1), moving, ((1.5, 0.9),), "door slam", "rain", draft=False
        ),
        WindowContent(
            frames,
            10.24,
            NoiseKey(8, 13_013, 0),
            moving,
            ((2.0, 0.5), (4.0, 1.0)),
            "wood hit",
            references=(Reference("click", Audio(click, 16_000)),),
            reference_strength=0.5,
        ),
        WindowContent(
            frames,
            10.24,
            NoiseKey(9, 0, 0),
            moving,
            ((1.0, 1.0), (1.6, 0.7), (2.2, 1.0)),
            "footsteps on gravel",
        ),
        WindowContent(frames, 10.24, NoiseKey(9, 0, 1), moving, prompt="rain", at_s=9.0),
    ]


def fingerprint() -> list[list[float]]:
    """Each window's sums with fixed random signs, divided by the root of its length: any change
    of a part in ten thousand shows in one of them."""
    from vtacli.model.loading import load_model

    made = load_model(MODEL, device="cpu").generate(windows(), Sampling(steps=2))
    found = []
    for number, sound in enumerate(made):
        signs = np.random.Generator(np.random.PCG64(number)).integers(
            0, 2, (PROJECTIONS, sound.data.size)
        )
        sums = (2 * signs - 1) @ sound.data.astype(np.float64).ravel()
        found.append([float(s) for s in sums / sound.data.size**0.5])
    return found


def differs(now: list[list[float]], then: list[list[float]]) -> bool:
    """Whether any window is another sound than it was."""
    a, b = np.array(now), np.array(then)
    if a.shape != b.shape:
        return True
    norm = np.sqrt(np.mean(b**2, axis=1, keepdims=True))
    return bool((np.abs(a - b) > TOLERANCE * norm).any())


def main() -> int:
    now = fingerprint()
    weights = model_hash(MODEL, Path("/nonexistent"))
    if GOLDEN.exists():
        then = json.loads(GOLDEN.read_text())
        changed = differs(now, then["windows"])
        if changed and then["edition"] == EDITION and then["weights"] == weights:
            print("The sound has changed: raise EDITION first (vtacli/window_cache/edition.py).")
            return 1
    said = {"edition": EDITION, "weights": weights, "windows": now}
    GOLDEN.write_text(json.dumps(said, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
