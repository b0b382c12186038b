"""What a plan will cost, from figures that were measured: seconds, memory, disk."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from vtacli.model.variants import Variant
from vtacli.options import RATE_HZ

TRACK_BYTES = 2 * 4 * RATE_HZ
"""A second of stereo foley on disk between the two passes."""

PROGRAM_BYTES = 500_000_000
"""Python, torch and the decoder, as measured less the weights."""

LOAD_S = 3.5
"""Reading torch and the weights; longer the first time."""

LISTENING_S = 0.11
"""Listening to one window for speech and music, on one core."""


@dataclass(frozen=True)
class Speed:
    """Measured on one CPU core in float32, per window: a guided step, and all the rest."""

    step_s: float
    window_s: float
    window_bytes: int


_PUBLISHED = Speed(step_s=15.1, window_s=53.4, window_bytes=600_000_000)
"""The denoiser of 578 million parameters takes 7.5 s a branch; 20 pictures through CLIP take
41 s, the vocoder 7.3 s, the autoencoder 4.9 s."""

MEASURED: dict[str, Speed] = {
    "vta-mini": Speed(step_s=0.047, window_s=0.32, window_bytes=20_000_000),
    "vta-ldm-base": _PUBLISHED,
    "vta-ldm-pe": _PUBLISHED,
    "vta-ldm-text": _PUBLISHED,
}


@dataclass(frozen=True)
class Cost:
    """``seconds`` is None where nothing was measured on the device; ``basis`` says what was."""

    seconds: float | None
    basis: str
    memory_bytes: int
    disk_bytes: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def estimate(
    variant: Variant,
    windows: int,
    steps: int,
    batch_size: int,
    duration_s: Fraction,
    film_bytes: int,
    weights_bytes: int,
    device: str,
    guided: bool = True,
    manners: bool = False,
    near_draft: bool = False,
) -> Cost:
    """The cost of one film. A GPU is not guessed at: it was not measured.

    ``guided``: each step runs the denoiser twice. ``manners``: each window is listened to; that
    a scene may be made again is not foreseen. ``near_draft``: windows begin part-way, near a draft,
    and take their share of the steps, with the guidance that is usual there; that one may have no
    draft, or be guided by a scale of the user's own, is not foreseen.
    """
    speed = MEASURED.get(variant.name)
    on_cpu = device in ("auto", "cpu")
    pictures = float(duration_s * variant.frames_per_second) * 3 * variant.frame_size_px**2
    seconds = None
    if speed is not None and on_cpu:
        listening_s = LISTENING_S if manners else 0.0
        if near_draft:
            steps = math.ceil(steps * variant.draft_noise)
            guided = guided and variant.draft_guidance > 1
        step_s = speed.step_s if guided else speed.step_s / 2
        seconds = LOAD_S + windows * (steps * step_s + speed.window_s + listening_s)
    batch = min(batch_size, windows)
    return Cost(
        seconds=seconds,
        basis="one CPU core, decoding aside",
        memory_bytes=PROGRAM_BYTES + weights_bytes + batch * (speed.window_bytes if speed else 0),
        disk_bytes=round(pictures + float(duration_s) * TRACK_BYTES) + film_bytes,
    )
