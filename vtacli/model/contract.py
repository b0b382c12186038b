"""What the rest of the program knows of a model: what it is given, and what it gives back.

No torch is imported here, so that planning, tests and fakes can speak of models without it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from vtacli.model.guess import Guess
from vtacli.model.variants import Variant
from vtacli.signal.media import Audio, Curve, Frames


@dataclass(frozen=True)
class WindowContent:
    """What one window of film shows, and what is asked of it. All times from the window's start.

    ``duration_s`` is how much of the model's window is film; what lies beyond is cut off.
    ``hits`` are (time in seconds, strength in (0, 1]). ``key`` names the window's randomness.
    ``draft``: whether recordings may be laid beneath the sound. ``references`` are laid in place
    of the model's own, as near as ``reference_strength`` in [0, 1] says; 0 leaves them out.
    ``at_s``: where the window begins in its scene.
    """

    frames: Frames
    duration_s: float
    key: NoiseKey
    motion: Curve | None = None
    hits: tuple[tuple[float, float], ...] = ()
    prompt: str | None = None
    negative: str | None = None
    draft: bool = True
    references: tuple[Reference, ...] = ()
    reference_strength: float = 1.0
    at_s: float = 0.0


@dataclass(frozen=True, eq=False)
class Reference:
    """A sound of the user's own. ``sound``: (1, N) at the model's rate, at a peak of 0.5.

    ``latents``: (C, T), once the model's codec has encoded it. Two references are equal only if
    they are one object, so that each is encoded once.
    """

    name: str
    sound: Audio
    latents: NDArray[np.float32] | None = None


@dataclass(frozen=True)
class NoiseKey:
    """Names the randomness of one window: the same key gives the same noise, in any batch and on
    any device, because it is drawn on the CPU from a generator seeded by :meth:`seed_64`.

    ``scene``: :attr:`vtacli.timeline.Scene.noise_id`, where the scene begins."""

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
    ``guidance`` where they are None. ``quality`` is draft, normal or best: how many steps, where
    ``steps`` does not say.
    """

    steps: int | None = None
    guidance: float | None = None
    sampler: str | None = None
    motion_scale: float | None = None
    hits_scale: float | None = None
    quality: str = "normal"


@dataclass(frozen=True)
class Drawn:
    """One recording of the bank, or a reference, that was laid as draft, and how like it the
    result is: the cosine of their latents where it was laid. 1 is the recording itself; in the
    bank of vta-mini two recordings of one label are at 0.2 in the mean (one blow in twenty above
    0.7), and any two at 0.02."""

    label: str
    file: str | None
    times_s: tuple[float, ...]
    likeness: float


@dataclass(frozen=True)
class Take(Audio):
    """Sound of one window with what the model has to say of it.

    ``guess`` None: the model makes none. ``drawn``: what the draft was made of.
    """

    guess: Guess | None = None
    drawn: tuple[Drawn, ...] = ()


class Listener(Protocol):
    """Says what sound sounds like. ``names``: its classes. ``hear`` gives their scores in [0, 1],
    (P, classes), a row for every half second."""

    @property
    def names(self) -> Sequence[str]: ...

    def hear(self, sound: Audio) -> NDArray[np.float32]: ...


OnStep = Callable[[int, int], None]
"""Called with (steps done, steps in all). To cancel, raise."""


class SoundModel(Protocol):
    """A loaded model. ``generate`` gives, for each window, mono or stereo sound of exactly
    ``variant.window_samples`` samples at ``variant.rate_hz``, in the order given; where it has
    more to say of one, it is a :class:`Take`."""

    @property
    def variant(self) -> Variant: ...

    def generate(
        self,
        windows: Sequence[WindowContent],
        sampling: Sampling,
        on_step: OnStep | None = None,
    ) -> list[Audio]: ...
