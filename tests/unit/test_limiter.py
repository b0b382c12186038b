"""The limiter's laws: under the ceiling, never louder, smooth, in its place, and else absent."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import firwin, oaconvolve

from vtacli.signal.limiter import LOOKAHEAD_MS, RELEASE_MS, Limiter, limited
from vtacli.signal.loudness import from_db, to_db, true_peak
from vtacli.signal.media import Audio

RATE = 48_000


def in_blocks(data: np.ndarray, size: int, rate: int = RATE) -> list[Audio]:
    return [Audio(data[:, i : i + size], rate) for i in range(0, data.shape[1], size)]


def through(data: np.ndarray, ceiling: float = -1.0, size: int = 4_801, rate: int = RATE):
    parts = [b.data for b in limited(in_blocks(data, size, rate), rate, len(data), ceiling)]
    return np.concatenate(parts, axis=1) if parts else data


def peak_db(data: np.ndarray, rate: int = RATE) -> float:
    return to_db(true_peak([Audio(np.ascontiguousarray(data), rate)]))


def random_signal(kind: str, seed: int, channels: int = 2) -> np.ndarray:
    rng = np.random.default_rng(seed)
    n = 2 * RATE
    t = np.arange(n) / RATE
    if kind == "noise":
        data = rng.normal(0, 0.6, (channels, n))
    elif kind == "clicks":
        data = np.where(rng.random((channels, n)) < 1e-3, rng.normal(0, 4, (channels, n)), 0.0)
    elif kind == "bursts":
        data = rng.normal(0, 1, (channels, n)) * (np.sin(2 * np.pi * 3 * t) > 0.8) * 3
    elif kind == "tone":
        hz = rng.uniform(100, 0.45 * RATE)
        data = np.tile(2 * np.sin(2 * np.pi * hz * t + rng.uniform(0, 6)), (channels, 1))
    elif kind == "square":
        data = np.tile(3 * np.sign(np.sin(2 * np.pi * rng.uniform(20, 2000) * t)), (channels, 1))
    else:
        data = np.tile(np.linspace(-4, 4, n), (channels, 1))
    return data.astype(np.float32)


KINDS = ["noise", "clicks", "bursts", "tone", "square", "ramp"]


@settings(max_examples=40)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 99), ceiling=st.floats(-20, 0))
def test_nothing_passes_the_ceiling_as_the_meter_hears_it(
    kind: str, seed: int, ceiling: float
) -> None:
    out = through(random_signal(kind, seed), ceiling)
    assert peak_db(out) <= ceiling + 0.01


@pytest.mark.parametrize("kind", ["noise", "bursts", "square"])
def test_another_meter_agrees(tmp_path: Path, kind: str) -> None:
    """ffmpeg's, on sound that fades in and out and holds nothing above 20 kHz: beyond, two
    interpolators need not agree."""
    data = random_signal(kind, 3)
    data = oaconvolve(data, firwin(511, 20_000, fs=RATE)[None], "same", axes=1)
    data[:, :4_800] *= np.linspace(0, 1, 4_800)
    data[:, -4_800:] *= np.linspace(1, 0, 4_800)
    path = tmp_path / "limited.wav"
    soundfile.write(path, through(data.astype(np.float32), -1.0).T, RATE, subtype="FLOAT")
    told = subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-hide_banner", "-i", path, "-af",
         "ebur128=peak=true", "-f", "null", "-"],
        capture_output=True, text=True, check=True,
    ).stderr  # fmt: skip
    assert float(re.findall(r"Peak:\s+(-?[\d.]+) dBFS", told)[-1]) <= -0.9


@pytest.mark.parametrize("rate", [16_000, 44_100, 96_000])
def test_the_ceiling_holds_at_any_rate(rate: int) -> None:
    data = random_signal("noise", 1)
    assert peak_db(through(data, -2.0, rate=rate), rate) <= -1.99


@settings(max_examples=25)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 99))
def test_the_gain_is_never_above_one_is_linked_and_moves_slowly(kind: str, seed: int) -> None:
    data = random_signal(kind, seed)
    beside = np.full((1, data.shape[1]), 0.01, np.float32)  # a channel that shows the gain
    out = through(np.concatenate([data, beside]))
    gain = out[-1].astype(np.float64) / 0.01
    assert gain.max() <= 1 + 1e-6
    assert gain.min() > 0
    assert np.abs(out[:2] - gain * data).max() <= 1e-5
    # the raised cosine is nowhere steeper than twice its mean
    steepest = 2.1 / (LOOKAHEAD_MS * RATE / 1000) * (1 - gain.min()) + 1e-5
    assert np.abs(np.diff(gain)).max() <= steepest


@pytest.mark.parametrize("channels", [1, 2, 6])
def test_what_is_under_the_ceiling_passes_bit_for_bit(channels: int) -> None:
    data = np.random.default_rng(0).normal(0, 0.1, (channels, RATE)).astype(np.float32)
    assert np.array_equal(through(data), data)


def test_what_is_far_from_a_peak_passes_bit_for_bit() -> None:
    data = np.random.default_rng(0).normal(0, 0.05, (2, 4 * RATE)).astype(np.float32)
    data[0, RATE] = 4.0
    out = through(data)
    before = RATE - round(LOOKAHEAD_MS * RATE / 1000) - 8
    after = RATE + round(12 * RELEASE_MS * RATE / 1000)
    assert np.array_equal(out[:, :before], data[:, :before])
    assert np.array_equal(out[:, after:], data[:, after:])
    assert out[0].argmax() == RATE
    assert to_db(out[0, RATE]) == pytest.approx(-1.0, abs=0.03)


@settings(max_examples=25)
@given(sizes=st.lists(st.integers(0, 9_000), min_size=1, max_size=9), seed=st.integers(0, 99))
def test_blocks_do_not_change_a_sample(sizes: list[int], seed: int) -> None:
    data = random_signal("bursts", seed)[:, :30_000]
    limiter, at, parts = Limiter(RATE, 2, -1.0), 0, []
    for size in [*sizes, data.shape[1]]:
        parts.append(limiter.add(data[:, at : at + size]))
        at += size
    parts.append(limiter.finish())
    assert np.array_equal(np.concatenate(parts, axis=1), through(data, size=10**9))


@pytest.mark.parametrize("length", [0, 1, 2, 63, 64, 65, 127, 240, 241, 5_000])
def test_any_length_comes_out_as_it_went_in(length: int) -> None:
    data = np.full((1, length), 2.0, np.float32)
    out = through(data)
    assert out.shape == data.shape
    assert np.abs(out).max(initial=0) <= from_db(-1.0)


def test_it_says_how_much_it_did() -> None:
    limiter = Limiter(RATE, 1, -1.0)
    quiet = np.full((1, RATE), 0.1, np.float32)
    limiter.add(quiet)
    limiter.finish()
    assert (limiter.reduced_s, limiter.largest_db) == (0.0, 0.0)
    limiter = Limiter(RATE, 1, -1.0)
    quiet[0, RATE // 2] = 2.0
    limiter.add(quiet)
    limiter.finish()
    assert limiter.largest_db == pytest.approx(to_db(2.0) + 1.02, abs=0.05)
    assert 0.1 < limiter.reduced_s < 1.0


def test_a_longer_release_lets_go_later() -> None:
    data = np.full((1, 4 * RATE), 0.01, np.float32)
    data[0, RATE] = 4.0
    taken = []
    for release in (20.0, 200.0):
        limiter = Limiter(RATE, 1, -1.0, release_ms=release)
        limiter.add(data)
        limiter.finish()
        taken.append(limiter.reduced_s)
    assert taken[1] > 5 * taken[0]
    with pytest.raises(ValueError, match="longer than nothing"):
        Limiter(RATE, 1, -1.0, release_ms=0)
