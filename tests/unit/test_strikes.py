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


def network_of(weights: str, monkeypatch):
    """The shipped weights, or some of no use, with which every step says something."""
    pytest.importorskip("pymunk")
    from vtacli.evaluation.learn_strikes import Network

    torch.manual_seed(0)
    network = Network()
    if weights == "shipped":
        with np.load(Path(strikes.__file__).with_name("strikes.npz")) as stored:
            network.load_state_dict({name: torch.from_numpy(stored[name]) for name in stored.files})
    else:
        torch.nn.init.normal_(network.e.weight)
        torch.nn.init.constant_(network.o.bias, -2)
        arrays = {name: value.numpy() for name, value in network.state_dict().items()}
        monkeypatch.setattr(strikes, "_weights", lambda: arrays)
    return network


@pytest.mark.parametrize("weights", ["shipped", "random"])
@pytest.mark.parametrize("count", [1, 4, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 150])
def test_the_meter_is_the_network_that_was_trained(count: int, weights: str, monkeypatch) -> None:
    network = network_of(weights, monkeypatch)
    rows = steps(count)
    with torch.no_grad():
        sure = torch.sigmoid(network(torch.from_numpy(rows)[:, None])[:, 0]).numpy()
    expected = np.maximum(0, sure - DOUBT) / (1 - DOUBT)
    np.testing.assert_allclose(judged(rows), expected, atol=1e-5)


def test_no_steps_no_likelihoods() -> None:
    assert judged([]).shape == (0,)


def test_what_comes_later_changes_nothing_but_the_last_seventeen_steps(monkeypatch) -> None:
    network_of("random", monkeypatch)
    rows = steps(90)
    np.testing.assert_allclose(judged(rows)[:43], judged(rows[:60])[:43], atol=1e-6)
    assert abs(judged(rows)[43] - judged(rows[:60])[43]) > 1e-6


def test_the_meter_keeps_a_few_steps_however_long_the_film_is() -> None:
    def kept(count: int) -> int:
        meter = StrikeMeter()
        for row in steps(count):
            meter.push(row)
        layers = [*meter._region_layers, *meter._picture_layers]
        return len(meter._alone) + sum(len(layer._past) for layer in layers)

    assert kept(20 * CHUNK) == kept(2 * CHUNK) < 64


def test_a_mirrored_film_is_described_as_the_film_mirrored() -> None:
    pytest.importorskip("pymunk")
    from vtacli.evaluation.learn_strikes import mirrored

    wide = textured(3)
    pictures = [wide[10:46, 10 + i : 74 + i].round().astype(np.uint8) for i in (0, 1, 3, 2)]
    pictures[2][12:22, 30:40] = 200
    described = []
    for turn in (1, -1):
        meter = RegionMeter()
        meter.start(pictures[0][:, ::turn])
        described.append(np.array([meter.step(p[:, ::turn], 0.04) for p in pictures[1:]]))
    assert np.abs(described[0] - described[1]).max() > 0.1
    np.testing.assert_allclose(mirrored(described[0]), described[1], atol=5e-3)


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
