"""The strike meter: the network as trained, whatever the pieces it is fed in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter, shift

from vtacli.signal import strikes
from vtacli.signal.regions import FEATURES, RegionMeter
from vtacli.signal.strikes import CHUNK, DOUBT, StrikeMeter

REGIONS = 9


def steps(count: int, seed: int = 0):
    return np.random.default_rng(seed).normal(0, 0.7, (count, REGIONS, FEATURES)).astype(np.float32)


def judged(rows) -> np.ndarray:
    meter = StrikeMeter()
    for row in rows:
        meter.push(row)
    return meter.likelihoods()


@pytest.mark.parametrize("count", [1, 4, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 150])
def test_the_meter_is_the_network_that_was_trained(count: int) -> None:
    pytest.importorskip("pymunk")
    from vtacli.evaluation.learn_strikes import Network

    network = Network()
    with np.load(Path(strikes.__file__).with_name("strikes.npz")) as stored:
        network.load_state_dict({name: torch.from_numpy(stored[name]) for name in stored.files})
    rows = steps(count)
    with torch.no_grad():
        sure = torch.sigmoid(network(torch.from_numpy(rows))).numpy()
    expected = np.maximum(0, sure - DOUBT) / (1 - DOUBT)
    np.testing.assert_allclose(judged(rows), expected, atol=1e-5)


def test_no_steps_no_likelihoods() -> None:
    assert judged([]).shape == (0,)


def test_what_comes_later_changes_nothing_but_the_last_five_steps() -> None:
    rows = steps(90)
    np.testing.assert_allclose(judged(rows)[:55], judged(rows[:60])[:55], atol=1e-6)


def textured(seed: int = 1):
    rough = np.random.default_rng(seed).standard_normal((60, 90))
    return np.clip(127 + gaussian_filter(rough, 2.5) * 300, 20, 225)


def energy_of(before, after) -> np.ndarray:
    meter = RegionMeter()
    meter.start(before.round().astype(np.uint8))
    return np.expm1(meter.step(after.round().astype(np.uint8), 0.04)[:, 0])


def test_what_the_camera_does_is_no_motion_of_a_region() -> None:
    wide = textured()
    before = wide[10:46, 10:74]
    panned = shift(wide, (0.4, -0.8), order=3)[10:46, 10:74]
    brighter = before * 1.04 + 3
    moved = before.copy()
    moved[12:22, 30:40] = shift(wide, (0.4, -0.8), order=3)[22:32, 40:50]
    alone = energy_of(before, moved)
    assert energy_of(before, before).max() == 0
    assert energy_of(before, brighter).max() < 0.15 * alone.max()
    assert np.median(energy_of(before, panned)) < 0.3 * alone.max()
    # And it is local: most regions do not see what moves in one.
    assert np.median(alone) < 0.1 * alone.max()


def test_energy_speaks_of_speed_and_not_of_the_frame_rate() -> None:
    wide = textured(2)
    before = wide[10:46, 10:74].copy()
    after = before.copy()
    after[12:22, 30:40] = wide[22:32, 41:51]
    fast, slow = RegionMeter(), RegionMeter()
    for meter in (fast, slow):
        meter.start(before.round().astype(np.uint8))
    quick = np.expm1(fast.step(after.round().astype(np.uint8), 0.04)[:, 0])
    calm = np.expm1(slow.step(after.round().astype(np.uint8), 0.08)[:, 0])
    np.testing.assert_allclose(calm, quick / 2, rtol=1e-3, atol=1e-5)
