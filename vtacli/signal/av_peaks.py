"""The peaks that AV-Align counts: of a sound and of a picture, as its authors pick them, and as
this program does.

The published code hears with librosa's default onset detector (McFee et al., 2015; peak picking
after Boeck, Krebs and Schedl, ISMIR 2012) and sees with the mean length of Farneback's optical
flow. Both are repeated here by their published settings, librosa's held against 0.11. Its onsets
lie about 46 ms late, three hops of 23 ms against the middle of a frame, and that is part of the
published figure. The program's own peaks are the onsets of :mod:`vtacli.signal.onsets` and the
strikes of the motion curve.
"""

from __future__ import annotations

import numpy as np
import soxr
from numpy.typing import NDArray
from scipy.signal import find_peaks

from vtacli.signal.av_align import REVISED, VERSIONS
from vtacli.signal.media import Audio, Curve
from vtacli.signal.onsets import find_onsets

RATE_HZ, N_FFT, HOP, BANDS = 22_050, 2048, 512, 128
LOWEST, RANGE_DB = 1e-10, 80.0
DELTA = 0.07
"""How far a peak stands over its neighbours' mean, of a flux that is scaled to [0, 1]."""
BEFORE, AFTER, REST = 4, 5, 1
"""Frames: the mean is over 4 before and 5 from a frame on; 1 is skipped after a peak."""

LEAST_FLOW_PX = 0.1
"""Mean flow under which the authors' code of 2025 takes a maximum for a still scene's noise."""

STRIKE = 0.5
"""The motion curve's likelihood from which the program takes a strike for one."""

Values = NDArray[np.float64]


def published_audio_peaks(sound: Audio) -> Values:
    """The times in s of librosa's default onsets of a sound, channels averaged."""
    wave = np.asarray(sound.data.mean(axis=0), np.float32)
    if sound.rate_hz != RATE_HZ:
        wave = np.asarray(soxr.resample(wave, sound.rate_hz, RATE_HZ, quality="HQ"), np.float32)
    if not len(wave):
        return np.zeros(0)
    return np.asarray(_picked(_flux(wave)) * (HOP / RATE_HZ), np.float64)


def _flux(wave: NDArray[np.float32]) -> Values:
    """Spectral flux: the mean rise in dB over mel bands from frame to frame. (N,) -> (frames,)"""
    import torch

    from vtacli.signal.mel import mel_basis

    spectrum = torch.stft(
        torch.from_numpy(wave),
        N_FFT,
        HOP,
        window=torch.hann_window(N_FFT, periodic=True),
        center=True,
        pad_mode="constant",
        return_complex=True,
    )
    power = mel_basis(RATE_HZ, N_FFT, BANDS, 0.0, RATE_HZ / 2) @ spectrum.abs() ** 2
    level = 10 * np.log10(np.maximum(power.numpy().astype(np.float64), LOWEST))
    level = np.maximum(level, level.max() - RANGE_DB)
    rise = np.maximum(0.0, np.diff(level, axis=1)).mean(axis=0)
    late = 1 + N_FFT // (2 * HOP)
    return np.asarray(np.pad(rise, (late, 0))[: level.shape[1]], np.float64)


def _picked(flux: Values) -> NDArray[np.int64]:
    """The frames that are no lower than the one before and stand out from their neighbours."""
    scaled = flux - flux.min()
    if not scaled.any():
        return np.zeros(0, np.int64)
    scaled = scaled / (scaled.max() + np.finfo(np.float32).tiny)
    picked, at = [], 0
    while at < len(scaled):
        around = scaled[max(0, at - BEFORE) : at + AFTER]
        highest = scaled[max(0, at - 1) : at + 1].max()
        if scaled[at] == highest and scaled[at] >= around.mean() + DELTA:
            picked.append(at)
            at += REST
        at += 1
    return np.array(picked, np.int64)


def published_video_peaks(flow_px: Values, frame_rate: float, version: str) -> Values:
    """The times in s of the strict local maxima of the mean flow. ``flow_px``: (frames,), mean
    length in pixels between each picture and the one before; the first is the second's again.

    Raises ValueError for a version that is not one of :data:`VERSIONS`.
    """
    if version not in VERSIONS:
        raise ValueError(f"the versions are {', '.join(VERSIONS)}, not {version!r}")
    flow = np.asarray(flow_px, np.float64)
    middle = flow[1:-1]
    high = (middle > flow[:-2]) & (middle > flow[2:])
    if version == REVISED:
        high &= middle >= LEAST_FLOW_PX
    return np.asarray((np.flatnonzero(high) + 1) / frame_rate, np.float64)


def mean_flow_px(before: NDArray[np.uint8], after: NDArray[np.uint8]) -> float:
    """The mean length of Farneback's flow between two grey pictures, (H, W) uint8, in pixels."""
    import cv2

    flow = cv2.calcOpticalFlowFarneback(before, after, None, 0.5, 3, 15, 3, 5, 1.2, 0)
    return float(cv2.mean(cv2.magnitude(flow[..., 0], flow[..., 1]))[0])


def own_audio_peaks(sound: Audio) -> Values:
    """The program's onsets of a sound, in s."""
    return np.array([t for t, _ in find_onsets(sound)], np.float64)


def own_video_peaks(motion: Curve) -> Values:
    """The strikes of a film's motion curve, in s: its ``onset`` channel's peaks."""
    onset = motion.values[:, 1]
    peaks, _ = find_peaks(np.pad(onset, 1), height=STRIKE, prominence=0.15)
    return np.asarray(motion.times_s[peaks - 1], np.float64)
