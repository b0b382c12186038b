"""The assembled conditioner and its auxiliaries, on toy networks."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from published_model import imported, opened, window
from safetensors.torch import load_file, save_file
from tiny_encoders import TINY, pictures

from vtacli.errors import ConfigError, WeightsRefused
from vtacli.model.assembled import Assembled
from vtacli.model.auxiliaries import AUXILIARIES
from vtacli.model.auxiliary import WORDS_ALONE
from vtacli.model.contract import NoiseKey, WindowContent
from vtacli.model.encoders.features import Features, WindowFeatures
from vtacli.signal.media import Frames

WIDTH = 10
TEXT = {
    "hidden_size": 8,
    "intermediate_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 1,
    "vocab_size": 20,
    "projection_dim": 6,
}
WORDS = ["position", "text-concat", "text-add"]


class Letters:
    """A tokenizer of one small number a letter."""

    def __call__(self, sentences, truncation, max_length, return_tensors):
        rows = torch.tensor([[*(3 + ord(c) % 15 for c in sentences[0][: max_length - 1]), 19]])
        return type("Asked", (dict,), {"to": lambda self, device: self})(input_ids=rows)

    def save_pretrained(self, folder):
        """It has nothing to keep."""


def assembled(*auxiliaries, encoder="clip4clip", text=None, seed=5, **settings):
    torch.manual_seed(seed)
    wants = any(AUXILIARIES[a].takes_text for a in auxiliaries)
    made = Assembled(
        encoder, TINY[encoder], list(auxiliaries), WIDTH, text=TEXT if wants else text, **settings
    )
    if made.words is not None:
        made.words.tokenizer = Letters()
    return made


def content(count=5, seed=0, rate=2.0, **asked):
    frames = pictures(count, 28, rate, seed)
    return WindowContent(frames, 10.24, NoiseKey(1, 0, seed), **asked)


def unseen(**asked):
    return replace(content(**asked), frames=Frames(np.zeros((0, 3, 28, 28), np.uint8), np.zeros(0)))


@pytest.mark.parametrize(("name", "auxiliary"), [("base", ()), ("pe", ("position",))])
def test_it_is_the_published_model_of_pictures(name, auxiliary):
    theirs = opened(imported(name)).encoder.eval()
    said = theirs.config
    ours = Assembled("clip4clip", {"vision": dict(said.vision)}, auxiliary, said.width)
    check_same(ours, theirs, window(0))


def test_it_is_the_published_model_of_words():
    theirs = opened(imported("text")).encoder.eval()
    said, width = theirs.config, theirs.config.width
    towers = {"vision": dict(said.vision)}
    ours = Assembled("clip4clip", towers, ["text-concat"], width, text=dict(said.text))
    ours.words.clip_text.load_state_dict(theirs.clip_text.state_dict())
    ours.words.tokenizer = theirs.tokenizer
    check_same(ours, theirs, window(0, prompt="rain on a tin roof"))
    check_same(ours, theirs, window(1))


@torch.no_grad()
def check_same(ours, theirs, shown):
    ours.frames.clip_vision.load_state_dict(theirs.clip_vision.state_dict())
    ours.projection = theirs.linear_layer
    made, expected = ours.condition([shown]), theirs.condition([shown])
    assert torch.equal(made.tokens, expected.tokens)
    assert torch.equal(made.mask, expected.mask)


@pytest.mark.parametrize("name", AUXILIARIES)
def test_frozen_and_trainable_are_as_declared(name, tmp_path):
    model = assembled(name)
    model.save_pretrained(tmp_path)
    for one in (model, Assembled.from_pretrained(tmp_path)):
        learned = [n for n, p in one.named_parameters() if p.requires_grad]
        assert all(n.startswith(("projection.", "joined.")) for n in learned)
        assert {"projection.weight", "projection.bias"} <= set(learned)
        assert [n for n in learned if n.startswith("joined.")] == [
            n for n, _ in one.named_parameters() if n.startswith("joined.")
        ]
        assert len(one.trainable_parameters()) == len(learned)
        one.train()
        assert not any(m.training for m in one.frames.modules())


@pytest.mark.parametrize("name", AUXILIARIES)
def test_every_trainable_parameter_is_reached_by_the_loss(name):
    model = assembled(name)
    asked = {"prompt": "ab"} if model.takes_text else {}
    row = model.features(content(**asked))
    made = model.condition_of([row])
    made.tokens.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in model.trainable_parameters())


@pytest.mark.parametrize("name", ["base", *AUXILIARIES])
def test_rows_do_not_depend_on_their_neighbours(name):
    model = assembled(*([] if name == "base" else [name]))
    asked = {"prompt": "ab"} if model.takes_text else {}
    with torch.no_grad():
        both = model.condition([content(3, 0, **asked), content(6, 1, **asked)])
        alone = model.condition([content(3, 0, **asked)])
    count = alone.tokens.shape[1]
    assert torch.equal(both.tokens[:1, :count], alone.tokens)
    assert both.mask[0].sum() == count
    if model.control_channels:
        assert torch.equal(both.control[:1], alone.control)


def test_what_is_kept_on_disk_gives_the_same_condition(tmp_path):
    model = assembled("position", "flow-token", "flow-control", "text-concat")
    kept = model.features(content(7, prompt="abc"))
    save_file(kept.tensors(), tmp_path / "kept.safetensors")
    read = WindowFeatures.of_tensors(load_file(tmp_path / "kept.safetensors"))
    first, second = model.condition_of([kept]), model.condition_of([read])
    assert torch.equal(first.tokens, second.tokens)
    assert torch.equal(first.control, second.control)


def test_a_folder_with_a_part_missing_is_refused(tmp_path):
    assembled("flow-token").save_pretrained(tmp_path)
    file = tmp_path / "diffusion_pytorch_model.safetensors"
    state = load_file(file)
    save_file({k: v for k, v in state.items() if k != "projection.bias"}, file)
    with pytest.raises(WeightsRefused, match=r"1 missing \(projection.bias\)"):
        Assembled.from_pretrained(tmp_path)


def test_auxiliaries_are_applied_in_their_order():
    row = assembled(*WORDS).features(content(prompt="ab"))
    made = {}
    for order in (("position", "text-concat"), ("text-concat", "position")):
        made[order] = assembled(*order).condition_of([row]).tokens
    first, second = made.values()
    assert first.shape == second.shape
    assert not torch.allclose(first, second, atol=1e-3)


def test_added_words_move_every_token_alike():
    model = assembled("text-add")
    with torch.no_grad():
        plain = model.condition([content()]).tokens
        said = model.condition([content(prompt="ab")]).tokens
    assert said.shape == plain.shape
    difference = (said - plain)[0]
    assert torch.allclose(difference, difference[:1].expand_as(difference), atol=1e-5)
    assert float(difference.abs().max()) > 1e-3


@pytest.mark.parametrize("name", ["text-concat", "text-add"])
def test_words_alone_make_twenty_tokens(name):
    model = assembled(name)
    with torch.no_grad():
        tokens = model.condition([unseen(prompt="ab")]).tokens
    assert tokens.shape[1] == WORDS_ALONE
    with pytest.raises(ValueError, match="frames or words"):
        model.condition([unseen()])
    row = WindowFeatures(words=model.words("ab"))  # an absent picture in its other form
    assert torch.equal(model.condition_of([row]).tokens, tokens)


def test_words_are_refused_where_there_is_no_ear():
    with pytest.raises(ConfigError, match="takes no words"):
        assembled("position").features(content(prompt="rain"))
    with pytest.raises(ConfigError, match="need a text tower"):
        Assembled("clip4clip", TINY["clip4clip"], ["text-add"], WIDTH)
    with pytest.raises(ConfigError, match="no auxiliary 'smell'"):
        Assembled("clip4clip", TINY["clip4clip"], ["smell"], WIDTH)
    with pytest.raises(ConfigError, match="twice"):
        assembled("position", "position")


def test_nothing_is_zeros_and_a_negative_prompt_is_not():
    model = assembled("text-concat", "flow-control")
    windows = [content(3, 0), content(3, 1, negative="ab")]
    with torch.no_grad():
        asked = model.condition(windows)
        away = model.uncondition(windows, asked)
    assert not away.tokens[0].any()
    assert away.tokens[1].any()
    assert away.mask.shape[0] == 2
    assert not away.control.any()
    nothing = model.uncondition(None, asked)
    assert not nothing.tokens.any()
    assert nothing.mask.all()


def test_flow_asks_for_more_frames_than_its_encoder_sees():
    model = assembled("flow-token")
    assert model.frames_per_second == 12.5
    row = model.features(content(26, rate=12.5))
    assert len(row.picture) == 5
    assert len(row.flow) == 25
    assert assembled("position").frames_per_second == 2


def test_half_precision_stays_with_the_projection():
    model = assembled("flow-token", "flow-control").to(torch.bfloat16)
    made = model.condition([content()])
    assert made.tokens.dtype == made.control.dtype == torch.bfloat16
    assert model.features(content()).picture.tokens.dtype == torch.float32


def test_features_say_what_is_wrong_with_them():
    with pytest.raises(ValueError, match=r"\(S, D\) with times"):
        Features(torch.zeros(2, 3), torch.zeros(3))
    with pytest.raises(ValueError, match="words are"):
        WindowFeatures(words=torch.zeros(2, 3))
