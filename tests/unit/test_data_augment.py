"""Two clips cut together: one instant on both sides, and nothing else changes."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from vtacli.model.encoders.features import Features, WindowFeatures
from vtacli.training.data.augment import concatenate, cut_frame, cut_together
from vtacli.training.data.prepared import Example

FRAMES, WIDTH = 1024, 6


def example(
    name: str, level: float, *, rate: float = 2.0, seconds: float = 10.24, words: bool = True
) -> Example:
    """Mel and tokens of one value each, so that every number tells whose it is."""
    times = torch.arange(0, 10.24, 1 / rate, dtype=torch.float64)
    vector = torch.nn.functional.one_hot(torch.tensor([int(level)]), WIDTH).float()
    return Example(
        id=name,
        mel=torch.full((1, FRAMES, 64), level),
        features=WindowFeatures(
            Features(torch.full((len(times), WIDTH), level), times),
            vector if words else None,
            Features(torch.full((len(times) - 1, 3), level), times[1:]),
        ),
        caption=name,
        seconds=seconds,
        source=name,
    )


A, B = example("a", 1.0), example("b", 2.0)


def same(one: Example, other: Example) -> bool:
    mine, theirs = one.features.tensors(), other.features.tensors()
    return (
        torch.equal(one.mel, other.mel)
        and mine.keys() == theirs.keys()
        and all(torch.equal(mine[k], theirs[k]) for k in mine)
        and one.caption == other.caption
        and one.seconds == other.seconds
    )


@pytest.mark.parametrize("cut_s", [-1.0, 0.0])
def test_a_cut_at_the_beginning_is_the_other(cut_s: float) -> None:
    assert same(concatenate(A, B, cut_s), B)


@pytest.mark.parametrize("cut_s", [10.24, 10.2301, 99.0])
def test_a_cut_at_the_end_is_the_one(cut_s: float) -> None:
    assert same(concatenate(A, B, cut_s), A)


@settings(max_examples=40)
@given(st.floats(0.02, 10.2), st.sampled_from([2.0, 4.0, 7.5, 12.5]))
def test_both_sides_are_cut_at_one_instant(cut_s: float, rate: float) -> None:
    """Whatever is at a time before the cut is a's, picture and sound, and b's from there on."""
    a, b = example("a", 1.0, rate=rate), example("b", 2.0, rate=rate)
    whole = concatenate(a, b, cut_s)
    at = cut_frame(cut_s, FRAMES)
    assert -1e-8 < at / 100 - cut_s < 0.01 + 1e-8
    assert (whole.mel[:, :at] == 1).all()
    assert (whole.mel[:, at:] == 2).all()
    for part in (whole.features.picture, whole.features.flow):
        assert part is not None
        before = part.times_s < at / 100 - 1e-9
        assert (part.tokens[before] == 1).all()
        assert (part.tokens[~before] == 2).all()
        assert (part.times_s.diff() > 0).all()
    assert torch.equal(whole.features.picture.times_s, a.features.picture.times_s)


@settings(max_examples=40)
@given(st.floats(0.0, 10.24), st.floats(0.0, 10.24))
def test_a_sound_and_what_is_seen_with_it_stay_together(event_s: float, cut_s: float) -> None:
    """A click and a flash at one moment are both there or both gone."""
    at = round(event_s * 100)
    if at >= FRAMES:
        return
    times = torch.arange(FRAMES, dtype=torch.float64) / 100
    silent = replace(A, mel=torch.zeros(1, FRAMES, 64))
    dark = replace(silent, features=WindowFeatures(Features(torch.zeros(FRAMES, 1), times)))
    mel, tokens = torch.zeros(1, FRAMES, 64), torch.zeros(FRAMES, 1)
    mel[:, at], tokens[at] = 1, 1
    lit = replace(A, mel=mel, features=WindowFeatures(Features(tokens, times)))
    for whole in (concatenate(lit, dark, cut_s), concatenate(dark, lit, cut_s)):
        assert whole.features.picture is not None
        flash = whole.features.picture.tokens[:, 0].nonzero().flatten()
        click = whole.mel[0, :, 0].nonzero().flatten()
        assert torch.equal(flash, click)


def test_joining_in_the_same_order_does_not_depend_on_how() -> None:
    """(a | b) | c = a | (b | c) for cuts in order."""
    c = example("c", 3.0)
    one = concatenate(concatenate(A, B, 3.0), c, 6.0)
    other = concatenate(A, concatenate(B, c, 6.0), 3.0)
    assert torch.equal(one.mel, other.mel)
    assert torch.equal(one.features.picture.tokens, other.features.picture.tokens)
    assert one.caption == other.caption == "a, then b, then c"


def test_words_are_mixed_by_their_shares_or_read_anew() -> None:
    mixed = concatenate(A, B, 2.56).features.words
    assert mixed is not None
    assert mixed[0, 1] / mixed[0, 2] == pytest.approx(1 / 3, rel=1e-5)
    assert float(mixed.norm()) == pytest.approx(1.0, rel=1e-5)
    said: list[str] = []

    def read(sentence: str) -> torch.Tensor:
        said.append(sentence)
        return torch.full((1, WIDTH), 9.0)

    assert (concatenate(A, B, 2.56, read).features.words == 9).all()
    assert said == ["a, then b"]
    twin = replace(B, caption="a")
    assert torch.equal(concatenate(A, twin, 2.56, read).features.words, A.features.words)
    assert said == ["a, then b"]
    mute = example("m", 4.0, words=False)
    assert torch.equal(concatenate(A, mute, 5.0).features.words, A.features.words)


def test_neither_side_is_cut_in_its_padding() -> None:
    short = example("s", 3.0, seconds=4.0)
    whole = cut_together(short, B, 0.5)
    assert (whole.mel[0, :, 0] == 3).sum() == 200
    assert whole.seconds == B.seconds
    whole = cut_together(B, short, 0.5)
    assert (whole.mel[0, :, 0] == 3).sum() == FRAMES - 200
    assert whole.seconds == 4.0


def test_mels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="mels are"):
        concatenate(A, replace(B, mel=torch.zeros(1, 512, 64)), 3.0)


def test_a_side_without_a_picture() -> None:
    blind = replace(A, features=WindowFeatures(None, A.features.words))
    whole = concatenate(blind, B, 5.0)
    assert whole.features.picture is not None
    assert (whole.features.picture.times_s >= 5).all()
    assert concatenate(blind, replace(blind, id="c"), 5.0).features.picture is None
