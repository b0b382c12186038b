"""How much noise a denoiser's lessons hold: logit-normal, and some where drafts begin."""

import numpy as np

from vtacli.training.denoiser import noise_shares
from vtacli.training.loop import Schedule, rng_of
from vtacli.training.recipe import DenoiserRecipe


def shares(count=40_000, **settings):
    recipe = DenoiserRecipe(Schedule(steps=1), batch=count, **settings)
    return noise_shares(rng_of(1, 0, "denoiser"), recipe)


def test_without_a_share_near_the_draft_all_are_logit_normal():
    logits = np.log(shares() / (1 - shares()))
    assert abs(logits.mean()) < 0.02
    assert abs(logits.std() - 1) < 0.02
    # the very draws that earlier recipes made
    assert np.allclose(logits, rng_of(1, 0, "denoiser").standard_normal(40_000))


def test_all_of_them_may_be_near_the_draft():
    near = shares(near_draft=1.0, near_draft_noise=0.5)
    assert 0 <= near.min() < 0.001
    assert 0.499 < near.max() <= 0.5
    assert abs(np.mean(near < 0.25) - 0.5) < 0.01


def test_a_share_of_them_may():
    half, none = shares(near_draft=0.5, near_draft_noise=0.3), shares()
    expected = 0.5 * np.mean(none < 0.3) + 0.5
    assert abs(np.mean(half < 0.3) - expected) < 0.01
