"""Which encoder prepares: by name, file and folder, with words; and what its name depends on."""

from __future__ import annotations

import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from clips_to_learn import TINY
from transformers import CLIPTextConfig, CLIPTextModelWithProjection

from vtacli.errors import ConfigError, VtaError, WeightsMissing, WeightsRefused
from vtacli.training.data.clip import Clip
from vtacli.training.data.encoding import EncoderChoice, facts_of
from vtacli.training.data.prepared import PreparedClips
from vtacli.training.data.preparing import prepare

TOKENIZER = Path(__file__).parent.parent / "reference" / "clip-vit-large-patch14"


@pytest.fixture(scope="module")
def clip_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP text tower of toy size with the real tokenizer, as transformers saves it."""
    folder = tmp_path_factory.mktemp("clip")
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1}
    config = CLIPTextConfig(**sizes, num_attention_heads=2, projection_dim=12)
    shutil.copytree(TOKENIZER, folder, dirs_exist_ok=True)
    CLIPTextModelWithProjection(config).save_pretrained(folder)
    return folder


def test_words_are_kept_where_a_text_tower_reads_them(
    clip_text: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    soundfile.write(tmp_path / "x.wav", np.full(32_000, 0.1, np.float32), 16_000)
    clip = Clip("x", None, tmp_path / "x.wav", "rain on a roof", Fraction(0), None, "x")
    choice = replace(TINY, auxiliaries=("text-concat",), text=clip_text)
    prepare([clip], tmp_path / "out", choice, workers=0)
    found = PreparedClips(tmp_path / "out")
    tower = choice.open().words
    assert torch.equal(found[0].features.words, tower("rain on a roof"))
    assert found[0].features.words.shape == (1, 12)
    assert len(found.facts["encoder"]["words"]) == 64
    assert capfd.readouterr().err == ""
    with pytest.raises(ConfigError, match="text tower"):
        replace(choice, text=None).open()
    with pytest.raises(WeightsMissing, match="no CLIP"):
        replace(choice, text=tmp_path).open()
    spoiled = shutil.copytree(clip_text, tmp_path / "spoiled")
    (spoiled / "model.safetensors").unlink()
    with pytest.raises(WeightsRefused):
        replace(choice, text=spoiled).open()


def test_a_folder_is_the_same_encoder_as_what_was_saved(clip_text: Path, tmp_path: Path) -> None:
    whole = replace(TINY, auxiliaries=("text-concat", "position"), text=clip_text).open()
    whole.save_pretrained(tmp_path / "model" / "encoder")
    (tmp_path / "model" / "model_index.json").write_text("{}")
    for folder in (tmp_path / "model", tmp_path / "model" / "encoder"):
        opened = EncoderChoice(str(folder)).open()
        assert facts_of(opened) == facts_of(whole)
        assert torch.allclose(opened.words("a bell"), whole.words("a bell"), atol=1e-6)
    with pytest.raises(ConfigError, match="no auxiliary 'flow-token'"):
        EncoderChoice(str(tmp_path / "model"), ("flow-token",)).open()
    whole.frames.save_pretrained(tmp_path / "alone")
    alone = facts_of(EncoderChoice(str(tmp_path / "alone")).open())
    assert alone["weights"] == facts_of(whole)["weights"]
    assert alone["words"] is None


def test_facts_name_what_features_depend_on_and_nothing_else() -> None:
    plain = facts_of(TINY.open())
    assert facts_of(TINY.open()) == plain
    assert facts_of(replace(TINY, auxiliaries=("position",)).open()) == plain
    assert facts_of(replace(TINY, seed=2).open())["weights"] != plain["weights"]
    flow = facts_of(replace(TINY, auxiliaries=("flow-token",)).open())
    assert plain["flow"] is None
    assert flow["flow"] is not None
    trained = TINY.open()
    trained.projection.weight.data += 1
    assert facts_of(trained) == plain


def test_the_shipped_pictures_encoder_is_there() -> None:
    facts = facts_of(EncoderChoice("mini").open())
    assert (facts["name"], facts["frame_size_px"], facts["frames_per_second"]) == ("mini", 224, "2")


def test_encoders_that_are_none_are_refused(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"_class_name": "AutoencoderKL"}')
    for choice, says in (
        (EncoderChoice("nothing"), "no encoder 'nothing'"),
        (EncoderChoice("vjepa2"), "not on this machine"),
        (EncoderChoice(str(tmp_path)), "holds no encoder"),
        (EncoderChoice(str(tmp_path / "other")), "a AutoencoderKL, which is no encoder"),
    ):
        with pytest.raises(VtaError, match=says):
            choice.open()
