"""The motion curve on pictures whose movement is known."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from vtacli.signal.media import Curve
from vtacli.signal.motion import MotionMeter, without_cuts

H, W = 36, 64
OVERSAMPLE = 8


def picture(cx: float, cy: float, radius: float = 3.0, ground: int = 90, ink: int = 220):
    """A disc, drawn large and shrunk by averaging, as a decoder's picture would be."""
    n = OVERSAMPLE
    y, x = np.mgrid[0 : H * n, 0 : W * n]
    inside = (x / n - cx) ** 2 + (y / n - cy) ** 2 <= radius**2
    large = np.where(inside, ink, ground).astype(np.float64)
    return large.reshape(H, n, W, n).mean(axis=(1, 3)).round().astype(np.uint8)


def meter_of(pictures, fps: float) -> Curve:
    meter = MotionMeter()
    for i, p in enumerate(pictures):
        meter.push(i / fps, p)
    return meter.curve()


def bounce(fps: float, seconds: float = 3.0, floor: float = 32.0):
    """Heights of a bouncing ball in pixels, and the exact times of its contacts."""
    g, restitution, t, v, y0 = 120.0, 0.85, 0.0, 0.0, 5.0
    contacts, heights = [], []
    for i in range(int(seconds * fps)):
        now = i / fps
        while True:
            # y0 + v s + g s^2 / 2 = floor, s from the arc's start
            s = (-v + np.sqrt(v * v + 2 * g * (floor - y0))) / g
            if t + s > now:
                break
            t, v, y0 = t + s, -restitution * (v + g * s), floor
            contacts.append(t)
        s = now - t
        heights.append(y0 + v * s + g * s * s / 2)
    return heights, contacts


@pytest.mark.parametrize("fps", [24.0, 25.0, 30000 / 1001, 50.0])
def test_a_bouncing_ball_is_struck_at_its_contacts(fps: float) -> None:
    heights, contacts = bounce(fps)
    curve = meter_of([picture(32, y) for y in heights], fps)
    onset = curve.values[:, 1]
    assert len(contacts) >= 3
    # Away from the contacts there is free fall, and a ball at rest in the air that starts again.
    away = np.min([np.abs(curve.times_s - c) for c in contacts], axis=0) > 3.5 / fps
    for contact in contacts:
        near = np.abs(curve.times_s - contact) <= 1.5 / fps
        assert onset[near].max() > 0.35, f"no onset at the contact at {contact:.3f} s"
        assert onset[near].max() > onset[away].max()


@pytest.mark.parametrize("repeated", [2, 3])
def test_a_bounce_is_seen_through_repeated_pictures(repeated: int) -> None:
    heights, contacts = bounce(24.0)
    pictures = [picture(32, y) for y in heights for _ in range(repeated)]
    curve = meter_of(pictures, 24.0 * repeated)
    for contact in contacts:
        near = np.abs(curve.times_s - contact) <= 1.5 / 24
        assert curve.values[near, 1].max() > 0.35


def test_a_dead_stop_strikes_where_it_stops() -> None:
    moving = [picture(10 + 1.5 * i, 18) for i in range(20)]
    onset = meter_of(moving + [moving[-1]] * 20, 25).values[:, 1]
    assert onset[5:].argmax() + 5 in (19, 20)
    assert onset[5:].max() > 0.35


def test_sensor_noise_is_stillness() -> None:
    rng = np.random.default_rng(7)
    still = rng.integers(40, 200, (H, W))
    noisy = [
        np.clip(still + rng.normal(0, 0.8, (H, W)), 0, 255).round().astype(np.uint8)
        for _ in range(50)
    ]
    curve = meter_of(noisy, 25)
    assert curve.values[:, 0].max() < 1e-4
    assert curve.values[:, 1].max() < 0.1


def test_flicker_of_the_whole_picture_is_stillness() -> None:
    rng = np.random.default_rng(8)
    still = rng.integers(60, 180, (H, W))
    flicker = [(still + 12 * (i % 2)).astype(np.uint8) for i in range(30)]
    assert meter_of(flicker, 25).values.max() == 0


def test_a_pan_moves_and_does_not_strike() -> None:
    rng = np.random.default_rng(9)
    wide = np.kron(rng.integers(30, 220, (9, 60)), np.ones((4, 8)))
    wide = (wide + np.roll(wide, 1, 1) + np.roll(wide, 2, 1)) / 3
    pan = [wide[:, 2 * i : 2 * i + W].round().astype(np.uint8) for i in range(75)]
    values = meter_of(pan, 25).values[5:]
    assert values[:, 0].min() > 0.005
    assert (values[:, 1] > 0.3).mean() < 0.05


def test_repeated_pictures_keep_their_energy_and_make_no_onsets() -> None:
    drift = [picture(10 + 1.5 * i, 18) for i in range(24)]
    at_12 = meter_of(drift, 12)
    doubled = meter_of([p for p in drift for _ in range(2)], 24)
    np.testing.assert_allclose(doubled.values[2::2, 0], at_12.values[1:, 0], rtol=1e-5)
    np.testing.assert_allclose(doubled.values[5::2, 0], at_12.values[2:, 0], rtol=0.02)
    assert doubled.values[8:, 1].max() < 0.3


def test_a_movement_that_ends_falls_to_nothing() -> None:
    moving = [picture(10 + i, 18) for i in range(12)]
    curve = meter_of(moving + [moving[-1]] * 12, 24)
    assert curve.values[12:, 0].max() > 0
    assert curve.values[12 + 3 :, 0].max() == 0


def test_energy_does_not_depend_on_the_frame_rate() -> None:
    def drift(fps: float) -> float:
        return float(
            np.median(
                meter_of([picture(8 + 20 * i / fps, 18) for i in range(int(2 * fps))], fps).values[
                    :, 0
                ]
            )
        )

    assert drift(50) == pytest.approx(drift(25), rel=0.25)
    assert drift(12.5) == pytest.approx(drift(25), rel=0.25)


def test_a_cut_is_no_hit() -> None:
    rng = np.random.default_rng(10)
    shots = [rng.integers(0, 255, (H, W)).astype(np.uint8) for _ in range(2)]
    curve = meter_of([shots[0]] * 20 + [shots[1]] * 20, 25)
    # The energy is the cut's; the onset need not be, for what the whole picture does is no strike.
    assert curve.values[20, 0] > 0.1
    clean = without_cuts(curve, [Fraction(20, 25)])
    assert clean.values[:20].max() == 0
    assert clean.values[20, 1] == 0
    assert clean.values[:, 1].max() == 0


def test_times_that_do_not_increase_are_refused() -> None:
    meter = MotionMeter()
    meter.push(0.0, picture(10, 10))
    with pytest.raises(ValueError, match="increase"):
        meter.push(0.0, picture(10, 10))
    with pytest.raises(ValueError, match="pictures are"):
        meter.push(1.0, picture(10, 10)[:-1])


def test_a_film_that_begins_in_motion_does_not_begin_with_a_hit() -> None:
    """A steady pan from the first picture on: nothing strikes, least of all the start."""
    rng = np.random.default_rng(0)
    smooth = gaussian_filter(rng.standard_normal((36, 400)), 4)
    wide = np.clip(127 + smooth * 900, 0, 255).astype(np.uint8)
    meter = MotionMeter()
    for i in range(50):
        meter.push(i / 25, wide[:, 3 * i : 3 * i + 64])
    onset = meter.curve().values[:, 1]
    assert onset[:4].max() < 0.2
