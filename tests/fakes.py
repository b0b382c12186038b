"""A small honest model: sound that depends on what a real one's depends on, and on nothing else.

Run as a program, it is ``vta`` with this model in place of an installed one.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from vtacli.cli.main import main
from vtacli.errors import WeightsMissing
from vtacli.model.guess import Guess, Seen
from vtacli.model.variants import VARIANTS, Variant
from vtacli.models import ModelHandle
from vtacli.signal.media import Audio

FAKE = replace(
    VARIANTS["vta-mini"], name="fake", licence="CC0-1.0", default_steps=3, frame_size_px=32
)
FAKE_WITHOUT_TEXT = replace(
    FAKE,
    name="fake-deaf",
    takes_text=False,
    takes_motion=False,
    takes_hits=False,
    takes_references=False,
)


class FakeModel:
    """Noise named by the window's key, as loud as its pictures are bright, plus the hits.

    ``seen`` records the contents it was given, ``batches`` how many at a time.
    """

    def __init__(self, variant: Variant = FAKE, seconds_per_window: float = 0.0) -> None:
        self.variant = variant
        self.seconds_per_window = seconds_per_window
        self.seen = []
        self.batches = []

    def generate(self, windows, sampling, on_step=None):
        steps = sampling.steps or self.variant.default_steps
        self.batches.append(len(windows))
        for step in range(steps):
            time.sleep(self.seconds_per_window * len(windows) / steps)
            if on_step:
                on_step(step + 1, steps)
        return [self._sound(w) for w in windows]

    def _sound(self, window):
        # what is kept is small, so that the memory of a long film can be measured with this
        self.seen.append(replace(window, frames=None, motion=None))
        rng = np.random.Generator(np.random.PCG64(window.key.seed_64()))
        count = self.variant.window_samples
        level = 0.05 + 0.2 * float(window.frames.data.mean() if len(window.frames) else 0) / 255
        if window.prompt:
            level *= 1.5
        data = level * rng.standard_normal(count).clip(-3, 3)
        for time_s, strength in window.hits:
            at = round(time_s * self.variant.rate_hz)
            data[at : at + 160] += strength
        return Audio(data[None].astype(np.float32), self.variant.rate_hz)


class FakeGuesser:
    """Takes what is bright for a lamp, and the rest for a cave that makes no sound."""

    def guess(self, frames):
        bright = float(frames.data.mean()) / 255 if len(frames) else 0.0
        seen = (Seen("lamp", bright, "lamp hum"), Seen("cave", 1 - bright, ""))
        return Guess(seen, (("lamp hum", bright),))

    def bed_share(self, phrase):
        return 1.0 if "hum" in phrase else 0.0


def handle(model=None, variant: Variant = FAKE, listener=None, few_steps=None) -> ModelHandle:
    model = model or FakeModel(variant)
    return ModelHandle(
        model.variant.name,
        model.variant,
        lambda: model,
        lambda: None,
        few_steps=few_steps,
        guesser=FakeGuesser if model.variant.takes_references else None,
        listener=lambda: listener,
    )


def find(name, *, device="auto", dtype="auto", weights_dir=None) -> ModelHandle:
    """``--model fake``, ``fake-deaf`` (takes no text), ``fake-slow`` (1 s a window) or
    ``fake-steady`` (0.05 s)."""
    if name in ("fake-slow", "fake-steady"):
        return handle(FakeModel(seconds_per_window=1.0 if name == "fake-slow" else 0.05))
    if name not in ("vta-mini", "fake", "fake-deaf"):
        raise WeightsMissing(f"There is no model {name!r} here.", hint="Installed: fake.")
    return handle(variant=FAKE_WITHOUT_TEXT if name == "fake-deaf" else FAKE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], find_model=find))
