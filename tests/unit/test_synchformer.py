"""Synchformer, held against the published code on made weights."""

import hashlib
import json
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from made_synchformer import SHALLOW, TINY, frames, in_segments, network, state_of, wave
from transformers.audio_utils import mel_filter_bank

from vtacli.model.synchformer import (
    CROP,
    SEGMENT_FRAMES,
    SEGMENT_SAMPLES,
    STEP_FRAMES,
    STEP_SAMPLES,
    Synchformer,
    segments_in,
)
from vtacli.model.synchformer.gathering import Gathering
from vtacli.model.synchformer.network import UNUSED, sizes_of
from vtacli.model.synchformer.sound import mel_matrix, spectrograms_of

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "synchformer.json").read_text())
CLOSE = 1e-4


@pytest.fixture(autouse=True)
def no_grad():
    with torch.no_grad():
        yield


def worst(found: torch.Tensor, expected) -> float:
    expected = torch.tensor(expected)
    assert found.shape == expected.shape
    return float((found - expected).abs().max())


def sound() -> torch.Tensor:
    return in_segments(wave((CROP + 1) * STEP_SAMPLES), SEGMENT_SAMPLES, STEP_SAMPLES)


def test_names_and_shapes_are_the_published_ones():
    with torch.device("meta"):
        shapes = {n: tuple(t.shape) for n, t in Synchformer().state_dict().items()}
    shapes |= dict(zip(UNUSED, ((768, 3, 16, 16), (768,)), strict=True))
    assert len(shapes) == GOLDEN["names"] == 513
    assert sum(int(np.prod(s)) for s in shapes.values()) == GOLDEN["parameters"] == 237_460_245
    listed = "\n".join(sorted(f"{name} {shape}" for name, shape in shapes.items()))
    assert hashlib.sha256(listed.encode()).hexdigest() == GOLDEN["names_sha256"]


def test_sizes_are_read_from_the_weights():
    assert sizes_of(state_of(TINY)) == {**TINY, "patch_px": 16}
    state = state_of(TINY)
    state["vfeat_extractor.patch_embed_3d.proj.weight"] = torch.zeros(100, 3, 2, 16, 16)
    with pytest.raises(ValueError, match="heads"):
        sizes_of(state)
    with pytest.raises(KeyError):
        sizes_of({})


def test_the_mel_scale_is_htk_without_a_norm():
    theirs = mel_filter_bank(
        num_frequency_bins=513, num_mel_filters=128, min_frequency=0.0, max_frequency=8000.0,
        sampling_rate=16_000, norm=None, mel_scale="htk",
    )  # fmt: skip
    assert np.abs(mel_matrix().numpy() - theirs).max() < 1e-5


def test_a_spectrogram_is_torchaudio_s():
    found = spectrograms_of(sound()[3:4])[0]
    assert found.shape == (66, 128)
    assert worst(found[::9, ::8], GOLDEN["mel"]) < CLOSE
    assert found[65].unique().tolist() == pytest.approx([4.2677393 / (2 * 4.5689974)])
    assert float(torch.tensor(GOLDEN["mel"]).std()) > 0.1


def test_it_is_upstream_s():
    model = network(SHALLOW)
    segments = in_segments(frames(120, 224), SEGMENT_FRAMES, STEP_FRAMES)
    assert len(segments) == len(sound()) == CROP
    seen = torch.cat([model.see(part) for part in segments.split(4)])
    heard = model.hear(sound())
    for found, expected in ((seen, GOLDEN["picture"]), (heard, GOLDEN["sound"])):
        assert worst(found[[0, 5], :, ::16], expected) < CLOSE
        assert worst(found[[5, 0], :, ::16], expected) > 0.5  # it could have failed
    assert worst(model(seen[None], heard[None])[0], GOLDEN["logits"]) < CLOSE
    # and so it does where the segments are out of order
    assert worst(model(seen.flip(0)[None], heard[None])[0], GOLDEN["logits"]) > 0.05
    assert worst(model(seen[None], heard.roll(1, 0)[None])[0], GOLDEN["logits"]) > 0.005


def test_gathering_is_a_transformer_layer_of_which_the_first_token_is_looked_at():
    torch.manual_seed(0)
    ours = Gathering(24, 3).eval()
    torch.nn.init.normal_(ours.cls_token)
    layer = torch.nn.TransformerEncoderLayer(
        24, 3, 96, activation="gelu", layer_norm_eps=1e-6, batch_first=True, norm_first=True
    ).eval()
    layer.load_state_dict({k: v for k, v in ours.state_dict().items() if k != "cls_token"})
    tokens = torch.randn(5, 7, 24)
    whole = layer(torch.cat([ours.cls_token.expand(5, -1, -1), tokens], dim=1))
    assert float((ours(tokens) - whole[:, 0]).abs().max()) < 1e-5


@pytest.mark.parametrize(
    ("seconds", "count"), [("0", 0), ("0.64", 1), ("4.79", 13), ("4.8", 14), ("8", 24), ("10", 30)]
)
def test_segments_are_whole(seconds, count):
    assert segments_in(Fraction(seconds)) == count
