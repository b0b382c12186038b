"""Making the weights files: folding, renaming, pruning and fitting."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer
from torch.nn import functional

from vtacli.errors import WeightsRefused
from vtacli.model.mini.picture import PictureClassifier
from vtacli.model.mini.text import TextSpace
from vtacli.training.distil import principal_axes, prune, save_space, unit, zipf_weights
from vtacli.training.parts import convert_picture, fold_batch_norm, picture_layers
from vtacli.training.phrases import FoleyWords, draw_phrases
from vtacli.training.refine import FitSettings, fit_table

ROOT = Path(__file__).parents[2]


# the picture classifier


@pytest.mark.parametrize("groups", [1, 6])
def test_a_folded_convolution_is_the_convolution_and_its_norm(groups):
    draw = torch.Generator().manual_seed(3)
    x = torch.randn(2, 6, 9, 9, generator=draw)
    weight = torch.randn(6, 6 // groups, 3, 3, generator=draw)
    gain, bias, mean = torch.randn(3, 6, generator=draw)
    variance = torch.rand(6, generator=draw) + 0.01
    apart = functional.batch_norm(
        functional.conv2d(x, weight, groups=groups), mean, variance, gain, bias, eps=1e-3
    )
    folded = functional.conv2d(
        x, *fold_batch_norm(weight, gain, bias, mean, variance, 1e-3), groups=groups
    )
    torch.testing.assert_close(folded, apart, atol=1e-4, rtol=0)


def published_picture() -> dict[str, torch.Tensor]:
    """Random weights under the published names."""
    draw = torch.Generator().manual_seed(0)
    shapes = {name: value.shape for name, value in PictureClassifier().state_dict().items()}
    published = {}
    for ours, (conv, norm) in picture_layers().items():
        shape = shapes[f"{ours}.weight"]
        published[f"{conv}.weight"] = torch.randn(shape, generator=draw) * 0.1
        for part in ("weight", "bias", "running_mean", "running_var"):
            published[f"{norm}.{part}"] = torch.rand(shape[0], generator=draw) + 0.1
        published[f"{norm}.num_batches_tracked"] = torch.tensor(1)
    published["_fc.weight"] = torch.randn(1000, 1280, generator=draw)
    published["_fc.bias"] = torch.randn(1000, generator=draw)
    return published


def test_every_published_name_has_its_place():
    PictureClassifier().load_state_dict(convert_picture(published_picture()), strict=True)


def test_a_missing_published_name_is_refused():
    published = published_picture()
    del published["_blocks.3._bn1.running_var"]
    with pytest.raises(WeightsRefused, match=r"_blocks\.3\._bn1\.running_var"):
        convert_picture(published)


def test_a_surplus_published_name_is_refused():
    with pytest.raises(WeightsRefused, match="_surplus"):
        convert_picture({**published_picture(), "_surplus.weight": torch.zeros(1)})


@pytest.mark.slow
@pytest.mark.skipif(
    "VTA_EFFICIENTNET" not in os.environ, reason="VTA_EFFICIENTNET: the published .pth"
)
def test_shipped_pictures_weights_are_the_published_ones():
    published = torch.load(os.environ["VTA_EFFICIENTNET"], weights_only=True)
    exact = PictureClassifier().eval()
    exact.load_state_dict(convert_picture(published))
    shipped = PictureClassifier.from_folder(ROOT / "weights" / "vta-mini" / "encoder" / "picture")
    pictures = torch.rand(4, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = shipped(pictures).softmax(-1), exact(pictures).softmax(-1)
    torch.testing.assert_close(ours, theirs, atol=5e-3, rtol=0)


# the text space

WORDS = ["dog", "bark", "rain", "roof", "door", "slam", "glass", "break", "wind", "fire"]


def small_tokenizer() -> str:
    pieces = ["[PAD]", "[UNK]", "!", "é", *WORDS, "##s", "##ing", "雨"]
    return json.dumps(
        {
            "version": "1.0",
            "truncation": None,
            "padding": None,
            "added_tokens": [
                {
                    "id": i,
                    "content": name,
                    "single_word": False,
                    "lstrip": False,
                    "rstrip": False,
                    "normalized": False,
                    "special": True,
                }
                for i, name in enumerate(pieces[:2])
            ],
            "normalizer": {
                "type": "BertNormalizer",
                "clean_text": True,
                "handle_chinese_chars": True,
                "strip_accents": None,
                "lowercase": True,
            },
            "pre_tokenizer": {"type": "BertPreTokenizer"},
            "post_processor": None,
            "decoder": None,
            "model": {
                "type": "WordPiece",
                "unk_token": "[UNK]",
                "continuing_subword_prefix": "##",
                "max_input_chars_per_word": 100,
                "vocab": {piece: i for i, piece in enumerate(pieces)},
            },
        }
    )


def test_pruning_keeps_plain_pieces_and_their_old_numbers():
    pruned, old = prune(small_tokenizer())
    vocabulary = Tokenizer.from_str(pruned).get_vocab()
    assert set(vocabulary) == {"[UNK]", *WORDS, "##s", "##ing"}
    assert vocabulary["[UNK]"] == 0
    before = Tokenizer.from_str(small_tokenizer()).get_vocab()
    assert all(old[row] == before[piece] for piece, row in vocabulary.items())


def test_pruning_splits_plain_text_as_before():
    pruned, old = prune(small_tokenizer())
    text = "Dogs barking on the roof"
    before = Tokenizer.from_str(small_tokenizer()).encode(text, add_special_tokens=False).ids
    after = Tokenizer.from_str(pruned).encode(text, add_special_tokens=False).ids
    assert [old[i] for i in after] == before


def test_frequent_pieces_count_for_less():
    weights = zipf_weights(27_559)
    assert (np.diff(weights) > 0).all()
    assert 0 < weights[0] < 0.02
    assert 0.9 < weights[-1] < 1


def test_principal_axes_are_orthonormal_and_ordered():
    points = np.random.default_rng(0).normal(size=(300, 8)) * np.arange(8, 0, -1)
    mean, axes = principal_axes(points.astype(np.float32), 5)
    np.testing.assert_allclose(axes.T @ axes, np.eye(5), atol=1e-5)
    spread = ((points - mean) @ axes).var(axis=0)
    assert (np.diff(spread) < 0).all()


def test_a_fit_finds_what_pieces_mean_in_company(tmp_path):
    """A teacher whose pieces alone mislead, but whose phrases are sums: the fit must find out."""
    draw = np.random.default_rng(0)
    pruned, _ = prune(small_tokenizer())
    tokenizer = Tokenizer.from_str(pruned)
    meaning = draw.normal(size=(tokenizer.get_vocab_size(), 24)).astype(np.float32)
    alone = meaning + 1.5 * draw.normal(size=meaning.shape).astype(np.float32)
    phrases = [" ".join(draw.choice(WORDS, size=draw.integers(1, 4))) for _ in range(1200)]
    ids = [e.ids for e in tokenizer.encode_batch(phrases, add_special_tokens=False)]
    taught = unit(np.stack([meaning[i].sum(axis=0) for i in ids]))
    settings = FitSettings(dimensions=8, epochs=40, batch=64, learning_rate=0.02, held_out=200)
    fit = fit_table(alone, phrases, taught, tokenizer, settings)
    assert fit.cosine_before < 0.85
    assert fit.cosine_after > 0.97
    again = fit_table(alone, phrases, taught, tokenizer, settings)
    assert np.array_equal(fit.table, again.table)

    save_space(tmp_path / "text", pruned, fit.table, {"licence": "none"})
    space = TextSpace.from_folder(tmp_path / "text")
    mean, axes = principal_axes(taught, 8)
    target = unit((taught - mean) @ axes)
    assert float((space.embed(phrases[-200:]).numpy() * target[-200:]).sum(1).mean()) > 0.96


def test_too_few_phrases_are_an_error():
    pruned, _ = prune(small_tokenizer())
    tokenizer = Tokenizer.from_str(pruned)
    pieces = np.eye(tokenizer.get_vocab_size(), 24, dtype=np.float32)
    with pytest.raises(ValueError, match="too few"):
        fit_table(pieces, ["dog", "rain"], pieces[:2], tokenizer, FitSettings(dimensions=2))


# phrases


def test_phrases_differ_and_repeat_with_their_seed():
    words = FoleyWords.shipped()
    vocabulary = ["telugu", "reverend", "diagonal"]
    drawn = draw_phrases(3000, words, ["Car alarm"], vocabulary, seed=1)
    assert len(set(drawn)) == len(drawn) == 3000
    assert drawn == draw_phrases(3000, words, ["Car alarm"], vocabulary, seed=1)
    assert drawn != draw_phrases(3000, words, ["Car alarm"], vocabulary, seed=2)
    pieces = Counter(word for phrase in drawn for word in phrase.split())
    assert all(pieces[word] >= 2 for word in vocabulary)
    assert any("Car alarm" in phrase for phrase in drawn)


def test_word_lists_have_two_forms_of_every_action():
    words = FoleyWords.shipped()
    assert len(words.groups) >= 6
    for group in words.groups:
        assert len(group.things) > 20
        assert all(
            base and continuous.split()[0].endswith("ing") for base, continuous in group.actions
        )
