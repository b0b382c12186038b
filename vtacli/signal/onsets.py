"""Where sounds begin: one detector, for training data, for measuring and for the draft."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

from vtacli.signal.media import Audio

FRAME_HZ = 100


def band_energies_db(
    wave: NDArray[np.float32], rate_hz: int, bands: int = 24
) -> NDArray[np.float64]:
    """(N,) -> (N * 100 / rate, bands): level in dBFS of 24 log-spaced bands every 10 ms."""
    hop = rate_hz // FRAME_HZ
    fft = 1 << (2 * hop - 1).bit_length()
    frames = len(wave) // hop
    padded = np.pad(wave, (fft // 2, fft))
    strides = np.lib.stride_tricks.sliding_window_view(padded, fft)[: frames * hop : hop]
    power = np.abs(np.fft.rfft(strides * np.hanning(fft), axis=1)) ** 2 / fft**2 * 8
    edges = np.geomspace(2, fft // 2 + 1, bands + 1).astype(int)
    edges = np.maximum(edges, np.arange(2, bands + 3))
    sums = np.add.reduceat(power, edges[:-1], axis=1)
    return np.asarray(10 * np.log10(sums + 1e-9))


def onset_strength(wave: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    """Spectral flux in dB: the mean rise over bands against 20 ms before. (N,) -> (frames,).

    Half-wave rectified flux on a log scale, as in Boeck et al., "Evaluating the online
    capabilities of onset detection methods" (ISMIR 2012), section 2.
    """
    level = np.maximum(band_energies_db(wave, rate_hz), -75)
    before = np.vstack([level[:1], level[:1], level[:-2]])
    # The largest neighbouring band before, so that a glide is not an onset.
    rise = np.maximum(0, level - maximum_filter1d(before, 3, axis=1))
    return np.asarray(rise.mean(axis=1))


def find_onsets(
    sound: Audio, *, threshold_db: float = 3.0, apart_s: float = 0.09
) -> list[tuple[float, float]]:
    """(time in s, strength in (0, 1]) of the onsets in the sum of all channels.

    A peak counts when it stands ``threshold_db`` over the local mean; strength is the level
    after it relative to the loudest of them, 0 dB -> 1, -30 dB -> 0.1.
    """
    wave = sound.data.mean(axis=0)
    hop = sound.rate_hz // FRAME_HZ
    if len(wave) < 8 * hop:
        return []
    flux = onset_strength(wave, sound.rate_hz)
    # As if silence came before the first sample: a sound that starts at once has an onset.
    first = np.abs(wave[: 4 * hop]).max(initial=0.0)
    flux[0] = max(flux[0], 12.0) if first > 0.02 * np.abs(wave).max(initial=1e-9) else flux[0]
    spread = max(1, round(apart_s * FRAME_HZ))
    peak = flux >= maximum_filter1d(flux, 2 * spread + 1) - 1e-12
    strong = flux > uniform_filter1d(flux, 61) + threshold_db
    times = np.flatnonzero(peak & strong)
    if not len(times):
        return []
    envelope = np.array([np.abs(wave[t * hop : (t + 8) * hop]).max(initial=0.0) for t in times])
    relative_db = 20 * np.log10(envelope / envelope.max() + 1e-9)
    return [
        (float(t / FRAME_HZ), float(10 ** (db / 30)))
        for t, db in zip(times, relative_db, strict=True)
        if db > -30
    ]


def envelope(wave: NDArray[np.float32], rate_hz: int) -> NDArray[np.float64]:
    """RMS every 10 ms. (N,) -> (N * 100 / rate,)."""
    hop = rate_hz // FRAME_HZ
    frames = len(wave) // hop
    power = wave[: frames * hop].reshape(frames, hop).astype(np.float64) ** 2
    return np.asarray(np.sqrt(power.mean(axis=1)))


def steadiness(wave: NDArray[np.float32], rate_hz: int) -> float:
    """0 for one click, near 1 for an even texture: the 10th over the 90th percentile of level."""
    level = minimum_filter1d(envelope(wave, rate_hz), 3) if len(wave) > rate_hz // 10 else [0.0]
    low, high = np.percentile(level, [10, 90])
    return float(low / (high + 1e-9))
