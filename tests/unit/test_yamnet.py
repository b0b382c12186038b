"""The sound tagger against the original network's recorded numbers."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.yamnet import PATCH_SAMPLES, WEIGHTS, Yamnet, class_names

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "weights" / "yamnet"
EXPECTED = ROOT / "tests" / "golden" / "yamnet_expected.safetensors"


@pytest.fixture(scope="module")
def tagger() -> Yamnet:
    return Yamnet.from_folder(FOLDER)


@pytest.fixture(scope="module")
def expected() -> dict[str, torch.Tensor]:
    return load_file(EXPECTED)


def test_a_batch_gives_what_each_sound_gives_alone(tagger, expected):
    sound = expected["waveform"]
    batch = torch.stack([sound, sound.flip(0), torch.zeros_like(sound)])
    together = tagger(batch)
    assert together.scores.shape == (3, 5, 521)
    assert together.embeddings.shape == (3, 5, 1024)
    for i, alone in enumerate(batch):
        tags = tagger(alone)
        torch.testing.assert_close(tags.scores[0], together.scores[i], atol=1e-5, rtol=0)
        torch.testing.assert_close(tags.embeddings[0], together.embeddings[i], atol=1e-4, rtol=0)


@pytest.mark.parametrize(
    ("samples", "patches"),
    [(0, 1), (1, 1), (PATCH_SAMPLES, 1), (PATCH_SAMPLES + 7679, 1), (PATCH_SAMPLES + 7680, 2)],
)
def test_a_patch_for_every_0_48_s(tagger, samples, patches):
    assert tagger(torch.zeros(samples)).scores.shape == (1, patches, 521)


def test_a_short_sound_is_filled_up_with_silence(tagger, expected):
    short = expected["waveform"][:4000]
    filled = torch.nn.functional.pad(short, (0, PATCH_SAMPLES - 4000))
    assert torch.equal(tagger(short).scores, tagger(filled).scores)


def test_silence_is_heard_as_silence(tagger):
    scores = tagger(torch.zeros(32_000)).scores[0].mean(0)
    assert class_names(FOLDER)[int(scores.argmax())] == "Silence"


def test_shipped_weights_stay_near_the_original(tagger, expected):
    tags = tagger(expected["waveform"])
    torch.testing.assert_close(tags.scores[0], expected["scores"], atol=2e-3, rtol=0)
    torch.testing.assert_close(tags.embeddings[0], expected["embeddings"], atol=1e-2, rtol=0)


@pytest.mark.slow
@pytest.mark.skipif("VTA_YAMNET" not in os.environ, reason="VTA_YAMNET: float32 weights' folder")
def test_float32_weights_give_the_original_numbers(expected):
    tags = Yamnet.from_folder(Path(os.environ["VTA_YAMNET"]))(expected["waveform"])
    torch.testing.assert_close(tags.scores[0], expected["scores"], atol=1e-4, rtol=0)
    torch.testing.assert_close(tags.embeddings[0], expected["embeddings"], atol=1e-4, rtol=0)


def test_class_names():
    names = class_names(FOLDER)
    assert len(names) == 521
    assert (names[0], names[69]) == ("Speech", "Dog")


def test_absent_and_foreign_weights(tmp_path):
    with pytest.raises(WeightsMissing):
        Yamnet.from_folder(tmp_path)
    with pytest.raises(WeightsMissing):
        class_names(tmp_path)
    state = load_file(FOLDER / WEIGHTS)
    del state["stem.bn.bias"]
    save_file(state, tmp_path / WEIGHTS)
    with pytest.raises(WeightsRefused, match=r"stem\.bn\.bias"):
        Yamnet.from_folder(tmp_path)


def test_three_dimensions_are_an_error(tagger):
    with pytest.raises(ValueError, match=r"\(B, N\)"):
        tagger(torch.zeros(1, 1, 16_000))
