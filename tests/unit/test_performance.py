"""The truth of the renders: what the simulation calls a hit is one."""

from __future__ import annotations

import numpy as np
import pytest

from vtacli.evaluation.performance import POSE_HZ, merged
from vtacli.evaluation.renders import DISTRACTING, STRIKING

DURATION_S = 6.0


def test_of_contacts_close_together_the_strongest_is_the_hit():
    hits = merged([(1.0, 4.0), (1.03, 100.0), (1.2, 25.0), (1.06, 90.0), (2.0, 1.0)])
    assert [t for t, _ in hits] == [1.03, 1.2]
    assert [s for _, s in hits] == pytest.approx([1.0, 0.5])
    assert merged([]) == ()


@pytest.mark.parametrize("kind", STRIKING)
@pytest.mark.parametrize("seed", [0, 1])
def test_what_strikes_has_hits_apart_and_measured(kind: str, seed: int):
    pytest.importorskip("pymunk")
    play = STRIKING[kind](np.random.default_rng(seed), DURATION_S)
    times = np.array([t for t, _ in play.hits])
    strengths = np.array([s for _, s in play.hits])
    assert len(times) >= 2
    assert times[0] > 0.1
    assert times[-1] < DURATION_S
    assert np.diff(times).min() >= 0.05 - 1e-9
    assert strengths.max() <= 1
    assert strengths.min() > 0.1
    for actor in play.actors:
        assert len(actor.outline) >= DURATION_S * POSE_HZ
        assert np.isfinite(actor.outline).all()


@pytest.mark.parametrize("kind", DISTRACTING)
def test_what_distracts_moves_and_has_no_hits(kind: str):
    play = DISTRACTING[kind](np.random.default_rng(3), DURATION_S)
    assert play.hits == ()
    if kind != "scenery":
        assert max(np.ptp(a.outline, axis=0).max() for a in play.actors) > 0.5


def test_a_ball_turns_round_where_a_hit_is_and_nowhere_else():
    """The velocity of the only ball changes sign, downwards to upwards, at the hits."""
    pytest.importorskip("pymunk")
    for seed in range(8):
        play = STRIKING["ball"](np.random.default_rng(seed), 4.0)
        balls = [a for a in play.actors if a.shade == 1 and np.ptp(a.outline[:, :, 1]) > 3]
        if len(balls) == 1:
            break
    height = balls[0].outline[:, :, 1].mean(axis=1)
    speed = np.diff(height) * POSE_HZ
    turns = np.flatnonzero((speed[:-1] > 2) & (speed[1:] < 0)) / POSE_HZ
    strong = [t for t, s in play.hits if s > 0.5]
    assert len(strong) >= 2
    for time_s in strong:
        assert np.abs(turns - time_s).min() < 3 / POSE_HZ
    for turn in turns:
        assert min(abs(turn - t) for t, _ in play.hits) < 0.06
