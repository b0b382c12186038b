"""How clips are prepared: everything that the prepared numbers depend on, beside the clips.

Two preparations with equal :meth:`Settings.facts` may be read as one; anything else is kept apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from hashlib import sha256
from typing import Any

from vtacli.errors import ConfigError
from vtacli.signal import mel
from vtacli.training.data.sound import LEVELS, PEAK

FORMAT = 1
"""Of the shards; another number makes them anew."""
MEL_FRAMES = 1024


@dataclass(frozen=True)
class Settings:
    """``encoder``: what names the frozen encoder and its weights (:class:`EncoderFacts`, as a
    dict). ``mel_frames``: length of a window in steps of 10 ms; 1024 is the published 10.24 s.
    ``hop_s``: how far apart windows of a long clip start, None for end to end. ``most_windows``: of
    one clip; None for all. ``level``: ``peak`` brings each window to a peak of 0.5, as published;
    ``as-is`` leaves it. ``shortest_s``: a clip that is shorter is refused."""

    encoder: Mapping[str, Any] = field(default_factory=dict)
    mel_frames: int = MEL_FRAMES
    hop_s: Fraction | None = None
    most_windows: int | None = None
    level: str = "peak"
    shortest_s: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if self.mel_frames < 8 or self.mel_frames % 8:
            raise ConfigError(f"A window is a multiple of 8 mel frames, not {self.mel_frames}.")
        if self.level not in LEVELS:
            raise ConfigError(f"The level is one of {', '.join(LEVELS)}, not {self.level!r}.")
        if self.hop_s is not None and not 0 < self.hop_s <= self.window_s:
            raise ConfigError(
                f"Windows start every 0 to {float(self.window_s):g} s, not {float(self.hop_s):g}."
            )
        if self.most_windows is not None and self.most_windows < 1:
            raise ConfigError(f"A clip gives one window or more, not {self.most_windows}.")
        if self.shortest_s < 0:
            raise ConfigError("The shortest clip cannot be shorter than nothing.")

    @property
    def window_samples(self) -> int:
        return self.mel_frames * mel.HOP

    @property
    def window_s(self) -> Fraction:
        return Fraction(self.window_samples, mel.RATE_HZ)

    def facts(self) -> dict[str, Any]:
        """As plain values, to be written beside the shards."""
        return {
            "format": FORMAT,
            "encoder": dict(self.encoder),
            "mel": {
                "rate_hz": mel.RATE_HZ,
                "n_fft": mel.N_FFT,
                "hop": mel.HOP,
                "bands": mel.BANDS,
                "floor": mel.FLOOR,
                "frames": self.mel_frames,
            },
            "sound": {"level": self.level, "peak": PEAK if self.level == "peak" else None},
            "window_s": str(self.window_s),
            "hop_s": None if self.hop_s is None else str(self.hop_s),
            "most_windows": self.most_windows,
            "shortest_s": str(self.shortest_s),
        }

    @property
    def digest(self) -> str:
        """Names these settings: 16 hexadecimal digits."""
        return digest_of(self.facts())


def digest_of(value: Any) -> str:
    """16 hexadecimal digits of plain values; the order of a dict's keys does not matter."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:16]
