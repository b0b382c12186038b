"""Control curves: where a hit is written, there it is; and what is unknown is said to be so."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtacli.signal.control import (
    ControlCurves,
    channels,
    curves_of_motion,
    curves_of_strikes,
    hit_curve,
    onset_curve,
)
from vtacli.signal.media import Curve

FRAMES, STEPS = 1024, 128


@given(st.floats(0, 10.2), st.floats(0.1, 1.0))
def test_a_hit_lies_within_5_ms_of_its_time_after_folding(time_s, strength):
    folded = ControlCurves(FRAMES, hits=hit_curve([(time_s, strength)], FRAMES)).folded(STEPS)
    unfolded = folded[:8].T.reshape(-1)
    peak = int(unfolded.argmax())
    assert abs(peak / 100 - time_s) <= 0.005 + 1e-9
    assert unfolded[peak] == pytest.approx(strength, rel=1e-6)


def test_known_and_empty_is_not_unknown():
    unknown = ControlCurves(FRAMES).folded(STEPS)
    nothing = ControlCurves(FRAMES, hits=np.zeros(FRAMES, np.float32)).folded(STEPS)
    assert unknown.shape == (channels(8), STEPS) == (26, 128)
    assert not unknown.any()
    assert nothing[24].all()
    assert not nothing[:24].any()
    assert not nothing[25].any()


def test_folding_loses_nothing():
    rng = np.random.default_rng(0)
    onset, energy = rng.random((2, FRAMES)).astype(np.float32)
    folded = ControlCurves(FRAMES, onset=onset, energy=energy).folded(STEPS)
    assert np.array_equal(folded[8:16].T.reshape(-1), onset)
    assert np.array_equal(folded[16:24].T.reshape(-1), energy)
    assert folded[25].all()
    assert not folded[24].any()


def test_blurring_keeps_a_lone_peak_at_its_strength():
    curve = onset_curve(np.array([5.0]), np.array([0.7]), FRAMES, 0.04)
    assert curve.max() == pytest.approx(0.7, rel=0.02)
    assert curve.argmax() == 500


def test_a_still_picture_stays_still():
    times = np.arange(0, 10, 0.04)
    noise = np.abs(np.random.default_rng(0).normal(0, 2e-5, (len(times), 2))).astype(np.float32)
    onset, energy = curves_of_motion(Curve(times, noise), FRAMES)
    assert onset.max() < 0.05
    assert energy.max() < 0.1


def test_strong_motion_is_scaled_to_one_wherever_it_happens():
    times = np.arange(0, 10, 0.04)
    values = np.zeros((len(times), 2), np.float32)
    values[100] = (0.02, 0.9)
    onset, energy = curves_of_motion(Curve(times, values), FRAMES)
    assert onset.argmax() == pytest.approx(400, abs=1)
    assert onset.max() == pytest.approx(1.0, rel=0.03)
    assert 395 <= energy.argmax() <= 405


def test_no_motion_rows_is_no_motion():
    onset, energy = curves_of_motion(Curve(np.zeros(0), np.zeros((0, 2), np.float32)), FRAMES)
    assert not onset.any()
    assert not energy.any()


def test_the_curves_of_strikes_are_nothing_before_the_first_and_fall_after_each():
    onset, energy = curves_of_strikes([(1.0, 0.5), (3.0, 1.0)], 1024)
    assert energy[:100].max() == 0
    assert energy[100] == pytest.approx(0.5)
    assert energy[300] == pytest.approx(1.0)
    assert (np.diff(energy[101:299]) < 0).all()
    assert energy[112] == pytest.approx(0.5 / np.e, rel=1e-3)
    assert [int(onset[:200].argmax()), int(onset[200:].argmax()) + 200] == [100, 300]
    assert onset[300] == pytest.approx(1.0, abs=0.01)


def test_a_strike_beyond_the_window_leaves_it_alone():
    onset, energy = curves_of_strikes([(11.0, 1.0)], 1024)
    assert onset.max() == energy.max() == 0
