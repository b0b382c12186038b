"""A clip's sound as the models learn it: mono at 16 kHz, one window at a time, and its log-mel.

As the published trainer has it (tools/torch_tools.py, ``get_wav_from_video`` and ``pad_wav``): all
channels in one, the mean taken away, the peak of each window at 0.5, and zeros after a clip that is
shorter than a window.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vtacli.errors import MediaError
from vtacli.media.audio import OriginalSound
from vtacli.media.probe import Footage
from vtacli.media.sound import SoundTrack
from vtacli.progress import Report, ignore
from vtacli.signal.layouts import speakers
from vtacli.signal.media import Audio
from vtacli.signal.mel import RATE_HZ, log_mel
from vtacli.signal.resample import resampled
from vtacli.timeline import Span

LEVELS = ("peak", "as-is")
PEAK = 0.5
SILENT = 1e-3
"""A window whose peak is under this (-60 dBFS) is silence and is not made louder."""


@dataclass(frozen=True)
class WindowSound:
    """``wave``: (window samples,) float32 at 16 kHz, zeros after ``samples``. ``peak``: before it
    was brought to a level."""

    wave: NDArray[np.float32]
    samples: int
    peak: float


def mono_of(block: Audio, layout: str) -> NDArray[np.float32]:
    """(C, N) -> (N,). Mono and stereo: the mean. More channels: as ITU-R BS.775-4, annex 4,
    brings them to stereo (centre and surrounds 3 dB down, low-frequency effects left out), and
    the mean of that."""
    if block.channels <= 2:
        return np.asarray(block.data.mean(axis=0), np.float32)
    weights = np.array(
        [
            0.0
            if name.startswith("LFE")
            else 0.5
            if name in ("FL", "FR", "FLC", "FRC", "")
            else 0.5**0.5
            if name in ("FC", "BC")
            else 0.5**1.5
            for name in speakers(layout, block.channels)
        ],
        np.float32,
    )
    return np.asarray(weights @ block.data, np.float32)


def film_sound(
    footage: Footage, report: Report = ignore, rate_hz: int = RATE_HZ
) -> Iterator[NDArray[np.float32]]:
    """Blocks (N,) of a film's own sound at 16 kHz or another rate, sample 0 with its first
    picture.

    Raises MediaError where it has none."""
    original = OriginalSound(footage, rate_hz=rate_hz)
    for block in original.blocks(rate_hz, report):
        yield mono_of(block, original.layout)


def file_sound(
    track: SoundTrack, report: Report = ignore, rate_hz: int = RATE_HZ
) -> Iterator[NDArray[np.float32]]:
    """Blocks (N,) of a sound file at 16 kHz or another rate."""
    for block in resampled(track.blocks(report), rate_hz):
        yield mono_of(block, track.layout)


def stretches(
    blocks: Iterable[NDArray[np.float32]], wanted: Sequence[range]
) -> list[NDArray[np.float32]]:
    """The samples of each range, read in one pass that stops after the last of them; shorter
    where the sound ends before. The sound as a whole is never in memory."""
    found = [np.zeros(len(r), np.float32) for r in wanted]
    until = max((r.stop for r in wanted), default=0)
    at = 0
    for block in blocks:
        for part, r in zip(found, wanted, strict=True):
            lo, hi = max(at, r.start), min(at + len(block), r.stop)
            if lo < hi:
                part[lo - r.start : hi - r.start] = block[lo - at : hi - at]
        at += len(block)
        if at >= until:
            break
    return [
        part[: max(0, min(len(part), at - r.start))] for part, r in zip(found, wanted, strict=True)
    ]


def window_sounds(
    blocks: Iterable[NDArray[np.float32]],
    windows: Sequence[Span],
    window_samples: int,
    level: str = "peak",
) -> list[WindowSound]:
    """The sound of each window, brought to ``level`` and padded with zeros to the window.

    Raises MediaError where samples are no numbers.
    """
    if level not in LEVELS:
        raise ValueError(f"the level is one of {', '.join(LEVELS)}, not {level!r}")
    made = []
    for part in stretches(blocks, [window.samples(RATE_HZ) for window in windows]):
        part = part[:window_samples]
        peak = float(np.abs(part).max(initial=0.0))
        if not np.isfinite(peak):
            raise MediaError("The sound holds samples that are no numbers.")
        wave = np.zeros(window_samples, np.float32)
        wave[: len(part)] = at_level(part) if level == "peak" else part
        made.append(WindowSound(wave, len(part), peak))
    return made


def at_level(part: NDArray[np.float32]) -> NDArray[np.float32]:
    """The mean taken away and the peak at 0.5; silence stays as it is."""
    if not len(part) or np.abs(part).max() < SILENT:
        return part
    centred = part - part.mean(dtype=np.float64)
    largest = float(np.abs(centred).max())
    return np.asarray(centred * (PEAK / largest), np.float32) if largest >= SILENT else part


def mel_of(wave: NDArray[np.float32]) -> Tensor:
    """(N,) at 16 kHz -> (1, N // 160, 64) float32."""
    with torch.no_grad():
        return log_mel(torch.from_numpy(wave)[None].clamp(-1, 1))


def track_length_s(track: SoundTrack, report: Report = ignore) -> Fraction:
    """How long a sound file is, by decoding it: headers of compressed files are often wrong."""
    total = sum(len(block) for block in track.blocks(report))
    return Fraction(total, track.rate_hz)
