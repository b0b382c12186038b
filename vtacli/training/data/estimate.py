"""What preparing will take, before it begins: windows, bytes, and room on the disk."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from vtacli.errors import MediaError
from vtacli.media.probe import probe
from vtacli.media.sound import sound_track
from vtacli.model.contract import NoiseKey, WindowContent
from vtacli.signal.media import Frames
from vtacli.signal.mel import BANDS
from vtacli.timeline import Span
from vtacli.training.data.clip import Clip
from vtacli.training.data.encoding import FeatureMaker
from vtacli.training.data.settings import Settings
from vtacli.training.data.spans import cut_into_windows

LOOKED_AT = 24
"""Clips that are probed: spread evenly over the list."""


@dataclass(frozen=True)
class Estimate:
    """``windows`` and ``bytes`` are estimates from ``probed`` clips, of which ``unreadable`` could
    not be used; ``window_bytes`` is exact for a full window."""

    clips: int
    windows: int
    window_bytes: int
    bytes: int
    free_bytes: int
    probed: int
    unreadable: int

    def sentence(self) -> str:
        about = "" if self.probed == self.clips else "about "
        text = (
            f"{self.clips} clips, {about}{self.windows} windows, {_size(self.bytes)} "
            f"({_size(self.window_bytes)} a window); {_size(self.free_bytes)} free"
        )
        if self.unreadable:
            text += f"; {self.unreadable} of {self.probed} clips looked at cannot be used"
        return text

    def to_dict(self) -> dict[str, Any]:
        return dict(vars(self))


def estimate(
    clips: Sequence[Clip], maker: FeatureMaker, settings: Settings, folder: Path
) -> Estimate:
    """Look at some clips' headers and encode one grey window to see how large it is."""
    step = max(1, len(clips) / LOOKED_AT)
    looked = [clips[int(i * step)] for i in range(min(len(clips), LOOKED_AT))]
    counts = [_windows(clip, settings) for clip in looked]
    windows = round(sum(counts) / len(looked) * len(clips))
    each = window_bytes(maker, settings)
    return Estimate(
        clips=len(clips),
        windows=windows,
        window_bytes=each,
        bytes=windows * each,
        free_bytes=shutil.disk_usage(_existing(folder)).free,
        probed=len(looked),
        unreadable=counts.count(0),
    )


def window_bytes(maker: FeatureMaker, settings: Settings) -> int:
    """Of the tensors of one full window."""
    count = int(settings.window_s * maker.frames_per_second) + 1
    size = maker.frame_size_px
    grey = np.full((count, 3, size, size), 128, np.uint8)
    times = np.arange(count) / float(maker.frames_per_second)
    content = WindowContent(
        frames=Frames(grey, times),
        duration_s=float(settings.window_s),
        key=NoiseKey(0, 0, 0),
        prompt="a sound" if maker.takes_text else None,
    )
    values = maker.features(content).tensors().values()
    return settings.mel_frames * BANDS * 4 + sum(v.numel() * v.element_size() for v in values)


def _windows(clip: Clip, settings: Settings) -> int:
    """0 where the clip's headers cannot be read, or tell of no sound."""
    try:
        if clip.film is not None:
            footage = probe(clip.film)
            if clip.sound is None and not footage.audio:
                return 0
            length_s = footage.duration_s
        else:
            length_s = Fraction(sound_track(clip.file).seconds).limit_denominator(1000)
    except MediaError:
        return 0
    end_s = min(clip.end_s or length_s, length_s)
    if end_s <= clip.start_s:
        return 0
    span = Span(clip.start_s, end_s)
    return len(cut_into_windows(span, settings.window_s, settings.hop_s, settings.most_windows))


def _existing(folder: Path) -> Path:
    return next(p for p in (folder, *folder.resolve().parents) if p.exists())


def _size(count: int) -> str:
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= least:
            return f"{count / least:.1f} {unit}"
    return f"{count} bytes"
