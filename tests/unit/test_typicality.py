"""Which recordings sound like what they are called."""

from __future__ import annotations

import numpy as np
import pytest

from vtacli.training.typicality import describe, predicted_cosine


def kinds(rng: np.random.Generator, each: int = 40):
    """Two kinds of sound, described by twelve numbers, of which the first tells them apart."""
    described = rng.standard_normal((2 * each, 12))
    described[:each, 0] += 4
    wanted = np.zeros((2 * each, 2))
    wanted[:each, 0] = wanted[each:, 1] = 1
    series = np.array([f"take {i}" for i in range(2 * each)])
    return described, wanted, series, np.ones(2 * each)


def test_what_is_called_by_the_wrong_name_is_least_typical():
    described, wanted, series, weight = kinds(np.random.default_rng(0))
    wanted[3] = [0, 1]  # sounds like the first kind
    typical = predicted_cosine(described, wanted, series, weight)
    assert typical.argmin() == 3
    assert np.median(typical) > 0.7


def test_takes_of_one_series_do_not_vouch_for_each_other():
    described, wanted, series, weight = kinds(np.random.default_rng(1))
    odd = slice(0, 6)  # six takes of one thing, all called by the wrong name
    described[odd] = described[0] + 0.01 * np.random.default_rng(2).standard_normal((6, 12))
    wanted[odd] = [0, 1]
    alone = predicted_cosine(described, wanted, series, weight)
    series[odd] = "one thing"
    together = predicted_cosine(described, wanted, series, weight)
    assert together[odd].max() < -0.5
    assert alone[odd].mean() > together[odd].mean() + 0.3


def test_a_description_says_nothing_of_the_level():
    rng = np.random.default_rng(0)
    mel = rng.normal(-3, 1, (80, 64)).astype(np.float32)
    assert describe(mel + 1) == pytest.approx(describe(mel), abs=1e-5)
    assert np.isfinite(describe(np.full((1, 64), -11.5, np.float32))).all()
    assert np.abs(describe(mel) - describe(mel[::2] + 0)).max() > 0.1
