"""The measures of generated sound: laws, known closed forms, and public implementations."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from vtacli.evaluation.metrics import (
    divergence,
    frechet_distance,
    frechet_of_gaussians,
    inception_score,
    kernel_distance,
    levels_of,
    match_onsets,
    softmax,
)
from vtacli.evaluation.metrics.onsets import OnsetCounts, pooled
from vtacli.signal.media import Audio

MIR_EVAL = json.loads((Path(__file__).parents[1] / "golden" / "mir_eval.json").read_text())


def sample(seed, rows, wide=6, shift=0.0):
    rng = np.random.default_rng(seed)
    return rng.normal(shift, 1, (rows, wide)) @ rng.normal(0, 1, (wide, wide)) + shift


@pytest.mark.parametrize(("rows", "wide"), [(40, 6), (5, 30)])
def test_laws_of_distances_of_sets(rows, wide):
    one = sample(1, rows, wide)
    other = sample(2, rows + 3, wide, 0.5)
    rng = np.random.default_rng(0)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-9)
    for distance in (frechet_distance, kernel_distance):
        value = distance(one, other)
        assert value == pytest.approx(distance(other, one), rel=1e-9)
        assert value == pytest.approx(distance(rng.permutation(one), other), rel=1e-9)
    assert frechet_distance(one, one + 2.0) == pytest.approx(4.0 * wide)
    assert frechet_distance(one, other) > 0


def test_frechet_of_known_gaussians():
    # in one dimension (m1 - m2)^2 + (s1 - s2)^2; a diagonal adds up
    one, other = np.array([1.0, 0.0]), np.array([4.0, 2.0])
    value = frechet_of_gaussians(one, np.diag([4.0, 9.0]), other, np.diag([1.0, 25.0]))
    assert value == pytest.approx(9 + 4 + 1 + 4)
    drawn = frechet_distance(
        np.random.default_rng(1).normal(one, [2, 3], (40_000, 2)),
        np.random.default_rng(2).normal(other, [1, 5], (40_000, 2)),
    )
    assert drawn == pytest.approx(18, rel=0.02)


def test_kernel_distance_is_unbiased_where_nothing_differs():
    values = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        values.append(kernel_distance(rng.normal(0, 1, (12, 8)), rng.normal(0, 1, (20, 8))))
    error = np.std(values) / math.sqrt(len(values))
    assert abs(np.mean(values)) < 3 * error
    assert min(values) < 0 < max(values)
    # ... and a Fréchet distance is not
    rng = np.random.default_rng(0)
    assert frechet_distance(rng.normal(0, 1, (12, 8)), rng.normal(0, 1, (20, 8))) > 1


class Given(torch.nn.Module):
    """What torchmetrics takes for its network: the "images" are embeddings already."""

    num_features = 16

    def forward(self, x):
        return x


@pytest.mark.filterwarnings("ignore")
def test_sets_are_measured_as_torchmetrics_measures_them():
    from torchmetrics.image.fid import FrechetInceptionDistance
    from torchmetrics.image.inception import InceptionScore
    from torchmetrics.image.kid import KernelInceptionDistance

    real, made = sample(5, 60, 16), sample(6, 50, 16, 0.3)
    tensors = [torch.from_numpy(x) for x in (real, made)]
    theirs = FrechetInceptionDistance(
        Given(), normalize=True, input_img_size=(16,), antialias=False
    ).set_dtype(torch.float64)
    theirs.update(tensors[0], real=True)
    theirs.update(tensors[1], real=False)
    assert frechet_distance(real, made) == pytest.approx(float(theirs.compute()), rel=1e-6)

    # all rows in its one subset, so that nothing is drawn; its sides must be of one size
    kid = KernelInceptionDistance(Given(), subsets=1, subset_size=50)
    kid.update(tensors[0][:50], real=True)
    kid.update(tensors[1], real=False)
    ours = kernel_distance(real[:50], made)
    assert ours == pytest.approx(float(kid.compute()[0]), rel=1e-4)

    score = InceptionScore(Given(), splits=1)
    score.update(tensors[0])
    assert inception_score(softmax(real)) == pytest.approx(float(score.compute()[0]), rel=1e-5)


def test_frechet_by_another_way_than_singular_values():
    from scipy.linalg import sqrtm

    one, other = sample(1, 50), sample(2, 44, shift=0.2)
    c1, c2 = np.cov(one.T), np.cov(other.T)
    apart = one.mean(0) - other.mean(0)
    classic = apart @ apart + np.trace(c1 + c2 - 2 * sqrtm(c1 @ c2).real)
    assert frechet_distance(one, other) == pytest.approx(classic, rel=1e-8)


distributions = st.lists(st.floats(0.01, 1), min_size=4, max_size=4).map(
    lambda v: np.array(v) / sum(v)
)


@given(distributions, distributions)
def test_divergence(p, q):
    assert divergence(p, p) == pytest.approx(0, abs=1e-12)
    assert divergence(p, q) >= -1e-12
    assert divergence(p, q) == pytest.approx(stats.entropy(p, q), abs=1e-9)


def test_known_divergence():
    half, quarter = np.array([0.5, 0.5]), np.array([0.25, 0.75])
    assert divergence(half, quarter) == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3))


@settings(max_examples=30)
@given(st.lists(distributions, min_size=1, max_size=7))
def test_inception_score_keeps_its_bounds(rows):
    score = inception_score(np.array(rows))
    assert 1 - 1e-9 <= score <= min(4, len(rows)) + 1e-9
    assert score == pytest.approx(inception_score(np.array(rows[::-1])))


def test_inception_scores_that_are_known():
    assert inception_score(np.eye(5)) == pytest.approx(5, rel=1e-6)
    assert inception_score(np.full((6, 5), 0.2)) == pytest.approx(1)


def test_onsets_are_counted_as_mir_eval_counts_them():
    for case in MIR_EVAL["cases"]:
        counts = match_onsets(case["heard"], case["true"], case["tolerance"])
        assert (counts.f1, counts.precision, counts.recall) == pytest.approx(case["scores"])


def test_onsets_by_every_assignment_there_is():
    rng = np.random.default_rng(0)
    for _ in range(60):
        heard, true = rng.uniform(0, 1, rng.integers(1, 6)), rng.uniform(0, 1, rng.integers(1, 6))
        few, many = sorted((list(heard), list(true)), key=len)
        best = max(
            sum(abs(a - b) <= 0.1 for a, b in zip(few, order, strict=True))
            for order in itertools.permutations(many, len(few))
        )
        assert match_onsets(heard, true, 0.1).found == best


def test_onsets_of_nothing():
    assert math.isnan(match_onsets([], []).f1)
    assert match_onsets([], [1.0]) == OnsetCounts(0, 0, 1)
    assert match_onsets([1.0], []).f1 == 0
    assert pooled([OnsetCounts(1, 2, 3), OnsetCounts(1, 0, 0)]) == OnsetCounts(2, 2, 3)
    with pytest.raises(ValueError, match="negative"):
        match_onsets([1.0], [1.0], -1)


def test_levels():
    tone = 0.1 * np.sin(2 * np.pi * 997 * np.arange(32_000) / 16_000)
    tone[16_000:] = 0
    levels = levels_of(Audio(tone[None].astype(np.float32), 16_000))
    assert levels.silent_share == pytest.approx(0.5, abs=0.01)
    assert levels.rms_dbfs == pytest.approx(-26.02, abs=0.05)
    assert levels.true_peak_dbtp == pytest.approx(-20, abs=0.1)
    # -23.0 LUFS while it sounds; the three gating blocks over its end hold 3/4, 1/2 and 1/4 of it
    assert levels.loudness_lufs == pytest.approx(-23.0 + 10 * math.log10(8.5 / 10), abs=0.1)
    silent = levels_of(Audio(np.zeros((1, 16_000), np.float32), 16_000))
    assert silent.to_dict() == {
        "loudness_lufs": None, "rms_dbfs": None, "true_peak_dbtp": None, "silent_share": 1.0,
    }  # fmt: skip


def test_what_is_no_set():
    with pytest.raises(ValueError, match="2 or more"):
        frechet_distance(np.zeros((1, 3)), np.zeros((4, 3)))
    with pytest.raises(ValueError, match="two rows"):
        kernel_distance(np.zeros((1, 3)), np.zeros((4, 3)))
    for distance in (frechet_distance, kernel_distance):
        with pytest.raises(ValueError, match="numbers"):
            distance(np.ones((4, 3)), np.ones((4, 2)))
    with pytest.raises(ValueError, match="classes"):
        divergence(np.ones(3), np.ones(4))
    with pytest.raises(ValueError, match="1 or more"):
        inception_score(np.zeros((0, 4)))
