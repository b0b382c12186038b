"""What the rest of the program knows of a model: what it is given, and what it gives back.

No torch is imported here, so that planning, tests and fakes can speak of models without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from vtacli.model.variants import Variant
from vtacli.signal.media import Audio, Curve, Frames


@dataclass(frozen=True)
class WindowContent:
    """What one window of film shows, and what is asked of it. All times from the window's start.

    ``duration_s`` is how much of the model's window is film; what lies beyond is cut off.
    ``hits`` are (time in seconds, strength in (0, 1]). ``key`` names the window's randomness.
    """

    frames: Frames
    duration_s: float
    key: NoiseKey
    motion: Curve | None = None
    hits: tuple[tuple[float, float], ...] = ()
    prompt: str | None = None
    negative: str | None = None


@dataclass(frozen=True)
class NoiseKey:
    """Names the randomness of one window: the same key gives the same noise, in any batch and on
    any device, because it is drawn on the CPU from a generator seeded by :meth:`seed_64`."""

    seed: int
    scene: int
    window: int

    def seed_64(self, purpose: str = "noise") -> int:
        text = f"{purpose}/{self.seed}/{self.scene}/{self.window}"
        return int.from_bytes(sha256(text.encode()).digest()[:8], "big") >> 1


@dataclass(frozen=True)
class Sampling:
    """How to sample. None means: the variant's own default.

    ``guidance``, ``motion_scale`` and ``hits_scale`` say how strictly words (or the picture),
    motion and written hits are followed; 0 leaves one out, and the latter two are the same as
    ``guidance`` where they are None.
    """

    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    motion_scale: float | None = None
    hits_scale: float | None = None


OnStep = Callable[[int, int], None]
"""Called with (steps done, steps in all). To cancel, raise."""


class SoundModel(Protocol):
    """A loaded model. ``generate`` gives, for each window, mono or stereo sound of exactly
    ``variant.window_samples`` samples at ``variant.rate_hz``, in the order given."""

    @property
    def variant(self) -> Variant: ...

    def generate(
        self,
        windows: Sequence[WindowContent],
        sampling: Sampling,
        on_step: OnStep | None = None,
    ) -> list[Audio]: ...
