"""The published encoder, its auxiliaries, and the first stage's names."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from published_model import REFERENCE, imported, opened, window

from vtacli.model.autoencoder import published_name
from vtacli.model.auxiliary import WORDS_ALONE, add_positions, prepend_words, sinusoidal_positions
from vtacli.model.condition import Condition
from vtacli.model.strict import read_weights
from vtacli.signal.media import Frames


@pytest.fixture(scope="module")
def encoders():
    return {name: opened(imported(name)).encoder.eval() for name in ("base", "pe", "text")}


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


def turned(content):
    return replace(content, frames=Frames(content.frames.data[::-1].copy(), content.frames.times_s))


def test_without_positions_a_clip_is_a_set_of_frames(encoders):
    forward, backward = (encoders["base"].condition([c]) for c in (window(0), turned(window(0))))
    assert torch.allclose(forward.tokens, backward.tokens.flip(1), atol=1e-5)


def test_with_positions_order_counts(encoders):
    forward, backward = (encoders["pe"].condition([c]) for c in (window(0), turned(window(0))))
    assert not torch.allclose(forward.tokens, backward.tokens.flip(1), atol=1e-3)


def test_rows_do_not_depend_on_their_neighbours(encoders):
    short, long = window(0, 2), window(1, 5)
    both = encoders["base"].condition([short, long])
    alone = encoders["base"].condition([short])
    assert torch.equal(both.tokens[:1, :2], alone.tokens)
    assert both.mask.tolist() == [[True] * 2 + [False] * 3, [True] * 5]
    assert not both.tokens[0, 2:].any()


def test_words_stand_in_front_once_a_frame(encoders):
    plain = encoders["text"].condition([window(0)])
    said = encoders["text"].condition([window(0, prompt="a dog barks")])
    assert said.tokens.shape[1] == 6
    assert torch.equal(said.tokens[:, 0], said.tokens[:, 2])
    assert torch.allclose(said.tokens[:, 3:], plain.tokens, atol=1e-6)


def test_words_alone_make_twenty_tokens(encoders):
    nothing_seen = Frames(np.zeros((0, 3, 224, 224), np.uint8), np.zeros(0))
    content = replace(window(0, prompt="a dog barks"), frames=nothing_seen)
    tokens = encoders["text"].condition([content]).tokens
    assert tokens.shape[1] == WORDS_ALONE
    with_picture = encoders["text"].condition([window(0, prompt="a dog barks")])
    assert torch.allclose(tokens[:, 0], with_picture.tokens[:, 0], atol=1e-6)
    with pytest.raises(ValueError, match="frames or words"):
        encoders["text"].condition([replace(content, prompt="  ")])


def test_long_words_are_cut_and_empty_ones_are_none(encoders):
    long = encoders["text"].condition([window(0, prompt="rain " * 200)])
    assert torch.isfinite(long.tokens).all()
    empty = encoders["text"].condition([window(0, prompt=" ")])
    assert empty.tokens.shape[1] == 3


def test_nothing_is_zeros_and_a_negative_prompt_is_not(encoders):
    windows = [window(0, 2), window(1, 3, negative="a dog barks")]
    asked = encoders["text"].condition(windows)
    away = encoders["text"].uncondition(windows, asked)
    assert not away.tokens[0].any()
    assert away.tokens[1].any()
    nothing = encoders["text"].uncondition(None, asked)
    assert not nothing.tokens.any()
    assert nothing.mask.all()
    with pytest.raises(ValueError, match="1 windows"):
        encoders["text"].uncondition(windows[:1], asked)


def test_frames_of_another_size_are_refused(encoders):
    small = Frames(np.zeros((1, 3, 112, 224), np.uint8), np.zeros(1))
    with pytest.raises(ValueError, match="224x224"):
        encoders["base"].condition([replace(window(0), frames=small)])


def test_positions_are_the_published_ones():
    table = sinusoidal_positions(30, 768)
    assert table.shape == (30, 768)
    for position, column in ((0, 0), (7, 0), (7, 1), (29, 400), (29, 767)):
        angle = position / 10_000 ** (2 * (column // 2) / 768)
        expected = math.cos(angle) if column % 2 else math.sin(angle)
        assert float(table[position, column]) == pytest.approx(expected, abs=1e-5)
    with pytest.raises(ValueError, match="even"):
        sinusoidal_positions(3, 5)


def test_auxiliaries_keep_or_double_the_length():
    features, words = torch.zeros(4, 6), torch.ones(1, 6)
    assert add_positions(features).shape == (4, 6)
    assert prepend_words(words, features).sum(1).tolist() == [6] * 4 + [0] * 4


def test_first_stage_names_are_one_to_one_with_the_published_ones():
    ours = read_weights(imported("base") / "vae")
    theirs = torch.load(REFERENCE / "audioldm-s-full.ckpt", weights_only=True)["state_dict"]
    prefix = "first_stage_model."
    published = {k.removeprefix(prefix) for k in theirs if k.startswith(prefix)}
    renamed = [published_name(name, 3) for name in ours]
    assert len(set(renamed)) == len(renamed)
    assert set(renamed) == {name for name in published if not name.startswith("vocoder.")}


def test_stacking_keeps_what_counts():
    one = Condition(torch.ones(1, 2, 3), torch.ones(1, 2, dtype=torch.bool))
    assert Condition.stack([one, one]).tokens.shape == (2, 2, 3)
