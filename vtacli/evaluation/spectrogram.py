"""Sounds as small files for a page: what is heard, and what it looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
import torch
from numpy.typing import NDArray

from vtacli.signal.media import Audio
from vtacli.signal.mel import N_FFT, RATE_HZ, log_mel

DARKEST, BRIGHTEST = -9.0, 1.5
"""Natural log-mel shown as the ends of the colours: the same for every picture, so that loud and
quiet sounds look it."""


def save_sound(path: Path, sound: Audio) -> None:
    """16-bit FLAC in mono. What is louder than full scale is turned down as a whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wave = sound.data.mean(axis=0)
    wave = wave / max(1.0, float(np.abs(wave).max(initial=0.0)) / 0.99)
    partial = path.with_name(f".{path.name}.part")
    soundfile.write(partial, wave, sound.rate_hz, format="FLAC", subtype="PCM_16")
    partial.replace(path)


def save_spectrogram(path: Path, sound: Audio, *, wide: int = 256, high: int = 64) -> None:
    """A PNG of the log-mel, low frequencies at the bottom, ``wide`` pixels for the whole sound.

    ``sound`` is at 16 kHz.
    """
    import cv2

    path.parent.mkdir(parents=True, exist_ok=True)
    wave = sound.data.mean(axis=0)
    if sound.rate_hz != RATE_HZ:
        raise ValueError(f"spectrograms are of {RATE_HZ} Hz sound, got {sound.rate_hz}")
    wave = np.pad(wave, (0, max(0, N_FFT - len(wave))))
    shade = shades(log_mel(torch.from_numpy(wave)[None].float())[0].numpy())
    grey = np.round(shade.T[::-1] * 255).astype(np.uint8)
    small = cv2.resize(grey, (wide, high), interpolation=cv2.INTER_AREA)
    coded, data = cv2.imencode(".png", cv2.applyColorMap(small, cv2.COLORMAP_MAGMA))
    if not coded:
        raise ValueError("the picture could not be coded")
    path.write_bytes(data.tobytes())


def shades(mel: NDArray[np.float32]) -> NDArray[np.float64]:
    """Log-mel values as shades in [0, 1]."""
    return np.asarray(np.clip((mel - DARKEST) / (BRIGHTEST - DARKEST), 0, 1), np.float64)
