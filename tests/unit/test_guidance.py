"""Guidance's laws."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vtacli.model.guidance import branch_weights, combine, rescaled

scales = st.floats(0, 20)
NONE, WORDS, BOTH = (torch.tensor([x], dtype=torch.float64) for x in (0.3, -1.7, 2.9))
VALUES = {"none": NONE, "words": WORDS, "both": BOTH}


def guided(guidance: float, control: float | None, *, controlled: bool = True) -> torch.Tensor:
    weights = branch_weights(guidance, control, controlled=controlled)
    return combine([VALUES[branch] for branch in weights], weights)


@given(scales, scales)
def test_the_weights_sum_to_one(guidance, control):
    assert sum(branch_weights(guidance, control, controlled=True).values()) == pytest.approx(1)


@given(scales, scales)
def test_it_is_the_formula(guidance, control):
    if max(guidance, control) > 1:
        expected = NONE + guidance * (WORDS - NONE) + control * (BOTH - WORDS)
        assert torch.allclose(guided(guidance, control), expected)


@given(st.floats(0, 1), st.floats(0, 1))
def test_at_most_one_is_the_conditional_alone(guidance, control):
    assert branch_weights(guidance, control, controlled=True) == {"both": 1.0}
    assert torch.equal(guided(guidance, control), BOTH)


@given(st.floats(1.01, 20))
def test_equal_scales_are_ordinary_guidance(scale):
    for control, controlled in ((scale, True), (None, True), (7.0, False)):
        weights = branch_weights(scale, control, controlled=controlled)
        assert list(weights) == ["none", "both"]
        expected = NONE + scale * (BOTH - NONE)
        assert torch.allclose(guided(scale, control, controlled=controlled), expected)


def test_a_branch_that_counts_for_nothing_does_not_run():
    assert list(branch_weights(3.0, 0.0, controlled=True)) == ["none", "words"]
    assert list(branch_weights(1.0, 4.0, controlled=True)) == ["words", "both"]
    assert list(branch_weights(3.0, 5.0, controlled=True)) == ["none", "words", "both"]


def test_a_prediction_for_each_branch():
    with pytest.raises(ValueError, match="2 predictions"):
        combine([NONE, BOTH], {"both": 1.0})


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
