"""What a recording is, and when it strikes."""

from __future__ import annotations

import numpy as np
import pytest

from vtacli.signal.nature import HIT, PASSAGE, nature_of, stretches

RATE = 16_000


def burst(seconds: float, gain: float, seed: int = 0, decay_s: float = 0.05) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).standard_normal(len(time))
    return (gain * noise * np.exp(-time / decay_s)).astype(np.float32)


def at(total_s: float, **bursts: tuple[float, float]) -> np.ndarray:
    """Silence with bursts, (time in s, gain) each."""
    wave = np.zeros(round(total_s * RATE), np.float32)
    for i, (time_s, gain) in enumerate(bursts.values()):
        begin = round(time_s * RATE)
        sound = burst(0.3, gain, i)[: len(wave) - begin]
        wave[begin : begin + len(sound)] += sound
    return wave


def test_a_blow_alone_strikes_where_it_begins():
    nature = nature_of(at(1.0, slam=(0.2, 0.3)), RATE)
    assert nature.kind == HIT
    assert nature.lead_s == pytest.approx(0.2, abs=0.011)


def test_a_latch_before_the_slam_is_not_the_slam():
    nature = nature_of(at(2.0, latch=(0.1, 0.06), slam=(0.9, 0.3)), RATE)
    assert nature.kind == HIT
    assert nature.lead_s == pytest.approx(0.9, abs=0.021)
    (whole,) = stretches(at(2.0, latch=(0.1, 0.06), slam=(0.9, 0.3)), RATE)
    assert whole.start_s == 0  # the latch is still there for who wants it


def test_two_blows_of_one_strength_are_a_passage_that_begins_with_the_first():
    nature = nature_of(at(2.0, one=(0.1, 0.3), two=(0.9, 0.3)), RATE)
    assert nature.kind == PASSAGE
    assert nature.lead_s == pytest.approx(0.1, abs=0.011)


def test_what_only_swells_strikes_where_it_is_first_heard():
    time = np.arange(2 * RATE) / RATE
    swell = np.sin(2 * np.pi * 220 * time) * np.minimum(time, 1.5) * np.exp(-3 * (time > 1.5))
    nature = nature_of(swell.astype(np.float32), RATE)
    first = int(np.argmax(np.abs(swell) > 0.15 * np.abs(swell).max())) / RATE
    assert nature.lead_s == pytest.approx(first, abs=0.03)
