"""A spectrogram of a sound of any length: a few spectra for each column, on a mel scale.

Drawn for the eye, at the film's own rate and without torch; what models work on is
:mod:`vtacli.signal.mel`.
"""

from __future__ import annotations

from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from vtacli.errors import MediaError

N_FFT = 2048
MOST_SPECTRA = 4
"""Spectra in the mean of one column: of long films not every sample is looked at."""
LOW_HZ, HIGH_HZ = 40.0, 20_000.0
DARKEST_DB, BRIGHTEST_DB = -100.0, -18.0
"""Mean square of a band, in dB of full scale, shown as the ends of the colours: the same for every
picture, so that quiet films look it."""
MARKS_HZ = (300, 1000, 2000, 4000, 8000, 16_000)
"""Frequencies that the axis names."""


def mel_of(hz: float | NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """O'Shaughnessy's mel scale: 2595 log10(1 + f / 700)."""
    return np.asarray(2595 * np.log10(1 + np.asarray(hz, np.float64) / 700))


def height_of(hz: float) -> float:
    """Where a frequency lies in the picture: 0 at the bottom, 1 at the top."""
    low, high = mel_of(LOW_HZ), mel_of(HIGH_HZ)
    return float((mel_of(hz) - low) / (high - low))


def spectrogram(sound: Path, columns: int, bands: int) -> NDArray[np.float32]:
    """(bands, columns) float32 mean squares in dB, low frequencies first, channels averaged.

    Column c covers the samples from c / columns to (c + 1) / columns. Raises MediaError where the
    file cannot be read.
    """
    window = np.hanning(N_FFT).astype(np.float32)
    try:
        with soundfile.SoundFile(sound) as file:
            filters = _filters(file.samplerate, bands)
            found = np.empty((bands, columns), np.float32)
            for column in range(columns):
                first, last = (file.frames * c // columns for c in (column, column + 1))
                count = min(MOST_SPECTRA, max(1, ceil((last - first) / (N_FFT // 2))))
                centres = [
                    first + (last - first) * (2 * k + 1) // (2 * count) for k in range(count)
                ]
                pieces = np.stack([_around(file, centre) for centre in centres])
                power = np.square(np.abs(np.fft.rfft(pieces * window))) / np.square(window.sum())
                found[:, column] = filters @ power.mean(axis=0)
    except (soundfile.LibsndfileError, OSError) as error:
        raise MediaError("The sound cannot be read.", path=sound) from error
    return np.asarray(10 * np.log10(np.maximum(found, 1e-14)), np.float32)


def spectrogram_png(levels: NDArray[np.float32]) -> bytes:
    """A PNG, one pixel a value, low frequencies at the bottom."""
    import cv2

    shade = (levels[::-1] - DARKEST_DB) / (BRIGHTEST_DB - DARKEST_DB)
    grey = np.round(np.clip(shade, 0, 1) * 255).astype(np.uint8)
    coded, data = cv2.imencode(".png", cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO))
    if not coded:
        raise ValueError("the picture could not be coded")
    return bytes(data.tobytes())


@lru_cache(maxsize=4)
def _filters(rate_hz: int, bands: int) -> NDArray[np.float32]:
    """(bands, N_FFT / 2 + 1): triangles on the mel scale that sum to 1. One narrower than a bin
    takes the two bins about its centre in proportion."""
    bins = np.fft.rfftfreq(N_FFT, 1 / rate_hz)
    mels = mel_of(bins)
    edges = np.linspace(mel_of(LOW_HZ), mel_of(HIGH_HZ), bands + 2)
    rise = (mels - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - mels) / (edges[2:] - edges[1:-1])[:, None]
    triangles = np.maximum(0.0, np.minimum(rise, fall))
    for band, total in enumerate(triangles.sum(axis=1)):
        if total < 1:
            centre = np.interp(edges[band + 1], mels, np.arange(len(bins)))
            below = int(centre)
            if below + 1 < len(bins):
                triangles[band] = 0.0
                triangles[band, below : below + 2] = below + 1 - centre, centre - below
    totals = np.maximum(triangles.sum(axis=1, keepdims=True), 1e-9)
    above = edges[1:-1] > mels[-1]  # a rate that has no such frequencies
    return np.asarray(np.where(above[:, None], 0.0, triangles / totals), np.float32)


def _around(file: soundfile.SoundFile, centre: int) -> NDArray[np.float32]:
    """(N_FFT,) mono samples about a place, silence beyond the ends."""
    start = centre - N_FFT // 2
    first, last = max(0, start), min(file.frames, start + N_FFT)
    piece = np.zeros(N_FFT, np.float32)
    if last > first:
        file.seek(first)
        data = file.read(last - first, "float32", always_2d=True)
        piece[first - start : first - start + len(data)] = data.mean(axis=1)
    return piece
