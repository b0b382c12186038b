"""Guidance's laws."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vtacli.model.guidance import Scales, branch_weights, combine, rescaled

scales = st.floats(0, 20)
VALUES = {
    name: torch.tensor([x], dtype=torch.float64)
    for name, x in (("none", 0.3), ("words", -1.7), ("motion", 2.9), ("hits", -0.4))
}
NONE, WORDS, MOTION, HITS = VALUES.values()


def chain(words, motion, hits):
    return [("words", words), ("motion", motion), ("hits", hits)]


def guided(*links):
    weights = branch_weights(links)
    return combine([VALUES[branch] for branch in weights], weights)


@given(scales, scales, scales)
def test_the_weights_sum_to_one(words, motion, hits):
    assert sum(branch_weights(chain(words, motion, hits)).values()) == pytest.approx(1)


@given(scales, scales, scales)
def test_it_is_the_formula(words, motion, hits):
    if max(words, motion, hits) > 1:
        expected = (
            NONE + words * (WORDS - NONE) + motion * (MOTION - WORDS) + hits * (HITS - MOTION)
        )
        assert torch.allclose(guided(*chain(words, motion, hits)), expected)


@given(st.floats(0, 1), st.floats(0, 1), st.floats(0, 1))
def test_at_most_one_is_everything_alone(words, motion, hits):
    assert branch_weights(chain(words, motion, hits)) == {"hits": 1.0}


@given(st.floats(1.01, 20))
def test_equal_scales_are_ordinary_guidance(scale):
    for links in (chain(scale, scale, scale), chain(scale, scale, scale)[:2], [("words", scale)]):
        last = links[-1][0]
        weights = branch_weights(links)
        assert weights == {"none": 1 - scale, last: scale}
        assert torch.allclose(guided(*links), NONE + scale * (VALUES[last] - NONE))


def test_a_branch_between_equal_scales_does_not_run():
    assert list(branch_weights(chain(3.0, 5.0, 5.0))) == ["none", "words", "hits"]
    assert list(branch_weights(chain(3.0, 3.0, 5.0))) == ["none", "motion", "hits"]
    assert list(branch_weights(chain(1.0, 1.0, 4.0))) == ["motion", "hits"]
    assert list(branch_weights(chain(2.0, 3.0, 4.0))) == ["none", "words", "motion", "hits"]


def test_scales_not_given_follow_the_words_but_not_into_silence():
    assert Scales.of(None, None, None, 2.5) == Scales(2.5, 2.5, 2.5)
    assert Scales.of(4.0, None, None, 2.5) == Scales(4.0, 4.0, 4.0)
    assert Scales.of(4.0, None, 1.0, 2.5) == Scales(4.0, 4.0, 1.0)
    assert Scales.of(0.0, None, None, 2.5) == Scales(0.0, 2.5, 2.5)
    assert Scales.of(0.0, 0.0, None, 2.5) == Scales(0.0, 0.0, 2.5)


def test_a_prediction_for_each_branch():
    with pytest.raises(ValueError, match="2 predictions"):
        combine([NONE, HITS], {"hits": 1.0})


def test_rescaling_gives_back_the_size_and_keeps_the_direction() -> None:
    generator = torch.Generator().manual_seed(0)
    conditional = torch.randn(2, 3, 8, 1, generator=generator)
    guided = 5 * conditional + torch.randn(2, 3, 8, 1, generator=generator)
    assert rescaled(guided, conditional, 0.0) is guided
    whole = rescaled(guided, conditional, 1.0)
    axes = (1, 2, 3)
    assert torch.allclose(whole.std(dim=axes), conditional.std(dim=axes))
    ratio = whole / guided
    assert torch.allclose(ratio, ratio[:, :1, :1, :1].expand_as(ratio))
    half = rescaled(guided, conditional, 0.5)
    assert torch.allclose(half, (whole + guided) / 2, atol=1e-5)
