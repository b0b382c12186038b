"""Something that a speech detector takes for a voice: pulses of a glottis through the resonances
of a mouth that changes its vowels, in syllables."""

import numpy as np
from scipy.signal import butter, lfilter, sosfilt

VOWELS = (
    (730, 1090, 2440),
    (270, 2290, 3010),
    (300, 870, 2240),
    (530, 1840, 2480),
    (570, 840, 2410),
)
"""The first three formants in hertz of a, i, u, e and o (Peterson and Barney, 1952, of men)."""


def voice(seconds: float, rate_hz: int = 48_000, seed: int = 0, level: float = 0.1) -> np.ndarray:
    """(N,) float32 at a root mean square of ``level``."""
    rng = np.random.default_rng(seed)
    n = round(seconds * rate_hz)
    out = np.zeros(n + rate_hz)
    at, pitch = 0, rng.uniform(95, 130)
    while at < n:
        length = round(rng.uniform(0.14, 0.24) * rate_hz)
        glide = np.linspace(rng.uniform(0.95, 1.15), rng.uniform(0.85, 1.0), length)
        phase = np.cumsum(pitch * glide / rate_hz)
        pulses = np.diff(np.floor(phase), prepend=0.0) + 0.01 * rng.standard_normal(length)
        source = lfilter([1.0], [1.0, -0.96], pulses)
        vowel = VOWELS[rng.integers(len(VOWELS))]
        for formant, bandwidth in zip(vowel, (80, 90, 120), strict=True):
            r = np.exp(-np.pi * bandwidth / rate_hz)
            a = [1.0, -2 * r * np.cos(2 * np.pi * formant / rate_hz), r * r]
            source = lfilter([sum(a)], a, source)
        source = np.diff(source, prepend=0.0) * np.hanning(length) ** 0.4
        out[at : at + length] += source / (np.sqrt(np.mean(source**2)) + 1e-9)
        if rng.random() < 0.5:  # a fricative between two syllables
            hiss = sosfilt(
                butter(4, [3000, 7000], "bandpass", fs=rate_hz, output="sos"),
                rng.standard_normal(rate_hz // 12),
            ) * np.hanning(rate_hz // 12)
            out[at + length : at + length + len(hiss)] += 0.3 * hiss
        at += length + round(rng.uniform(0.0, 0.05) * rate_hz)
    out = out[:n]
    return (level * out / np.sqrt(np.mean(out**2))).astype(np.float32)
