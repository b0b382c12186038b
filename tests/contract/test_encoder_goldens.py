"""Every encoder gives what its upstream gives, from its upstream's own parameter names."""

import json

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_encoders import TINY, golden, pictures
from transformers import (
    CLIPConfig,
    CLIPModel,
    CLIPVisionConfig,
    VivitConfig,
    VivitForVideoClassification,
    VJEPA2Config,
    VJEPA2Model,
)
from transformers.models.vivit.image_processing_vivit import VivitImageProcessor

from vtacli.model.encoders import encoder_class
from vtacli.model.mini.picture import WEIGHTS, PictureClassifier
from vtacli.shelves import find_model

CLOSE = 1e-4


def worst(ours, theirs):
    assert ours.shape == theirs.shape
    return float((ours - theirs).abs().max())


@pytest.fixture(autouse=True)
def no_grad():
    torch.set_num_threads(1)
    with torch.no_grad():
        yield


def upstream(tmp_path, name):
    weights, outputs, settings = golden(name)
    path = tmp_path / "upstream.pth"
    wrapped = {"vjepa": {"target_encoder": weights}, "cavp": {"state_dict": weights}}
    torch.save(wrapped.get(name, weights), path)
    return encoder_class(name).from_upstream(path, **settings), outputs


@pytest.mark.parametrize(
    ("name", "count"), [("imagebind", 5), ("languagebind", 8), ("cavp", 6), ("vjepa", 16)]
)
def test_research_code(tmp_path, name, count):
    encoder, outputs = upstream(tmp_path, name)
    tokens = encoder(pictures(count, encoder.frame_size_px)).tokens
    expected = outputs.get("tokens")
    if expected is None:  # ours is a tubelet's mean over the picture
        expected = outputs["patches"].unflatten(0, (8, -1)).mean(dim=1)
    assert worst(tokens, expected) < CLOSE
    assert expected.std() > 0.05  # it could have failed
    assert worst(tokens, expected.flip(0)) > 0.1


def test_the_mean_of_eight_frames_is_what_languagebind_gives_of_them(tmp_path):
    encoder, outputs = upstream(tmp_path, "languagebind")
    tokens = encoder(pictures(8, 28)).tokens
    assert worst(tokens.mean(dim=0), outputs["mean"]) < CLOSE


def test_cavp_in_a_film_of_another_prefix(tmp_path):
    """The published file was saved by a parallel wrapper."""
    weights, outputs, settings = golden("cavp")
    path = tmp_path / "cavp.ckpt"
    torch.save({f"module.{name}": tensor for name, tensor in weights.items()}, path)
    encoder = encoder_class("cavp").from_upstream(path, **settings)
    assert worst(encoder(pictures(6, 64)).tokens, outputs["tokens"]) < CLOSE


def test_clip_is_transformers_own(tmp_path):
    torch.manual_seed(1)
    tower = TINY["clip4clip"]["vision"]
    words = {"hidden_size": 8, "intermediate_size": 8, "num_hidden_layers": 1, "vocab_size": 20}
    both = CLIPConfig(
        text_config=words | {"num_attention_heads": 1}, vision_config=tower, projection_dim=12
    )
    theirs = CLIPModel(both).eval()
    theirs.save_pretrained(tmp_path)
    encoder = encoder_class("clip4clip").from_upstream(
        tmp_path / "model.safetensors", vision=CLIPVisionConfig(**tower).to_dict()
    )
    frames = pictures(3, 28)
    pixels = torch.from_numpy(frames.data).float() / 255
    expected = theirs.visual_projection(theirs.vision_model(pixels).pooler_output)
    assert worst(encoder(frames).tokens, expected) < CLOSE


def test_vivit_is_transformers_own_and_its_processors(tmp_path):
    torch.manual_seed(1)
    config = VivitConfig(**TINY["vivit"]["vision"], num_labels=3)
    theirs = VivitForVideoClassification(config).eval()
    theirs.save_pretrained(tmp_path)
    encoder = encoder_class("vivit").from_upstream(tmp_path / "model.safetensors")
    frames = pictures(32, 32)
    # As its weights were converted: to [-1, 1] and no further.
    prepare = VivitImageProcessor(do_resize=False, do_center_crop=False, do_normalize=False)
    pixels = prepare(list(frames.data.transpose(0, 2, 3, 1)), return_tensors="pt").pixel_values
    assert worst(encoder.pixels(frames.data), pixels[0]) < 1e-5
    tokens = theirs.vivit(pixels).last_hidden_state[0, 1:]
    expected = tokens.unflatten(0, (16, -1)).mean(dim=1)
    assert worst(encoder(frames).tokens, expected) < CLOSE


def test_vjepa2_is_transformers_own(tmp_path):
    torch.manual_seed(1)
    shrunk = {"pred_hidden_size": 12, "pred_num_attention_heads": 2, "pred_num_hidden_layers": 1}
    theirs = VJEPA2Model(VJEPA2Config(**TINY["vjepa2"]["vision"], **shrunk)).eval()
    theirs.save_pretrained(tmp_path)
    encoder = encoder_class("vjepa2").from_upstream(tmp_path / "model.safetensors")
    frames = pictures(9, 32)
    mean, std = (
        torch.tensor(x)[:, None, None] for x in ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    )
    pixels = (torch.from_numpy(frames.data).float() / 255 - mean) / std
    padded = torch.cat([pixels, pixels[-1:]])[None]
    tokens = theirs(padded, skip_predictor=True).last_hidden_state[0]
    expected = tokens.unflatten(0, (5, -1)).mean(dim=1)
    assert worst(encoder(frames).tokens, expected) < CLOSE


def test_the_minis_are_the_shipped_classifiers():
    place = find_model("vta-mini") / "encoder" / "picture"
    encoder = encoder_class("mini").from_upstream(place / WEIGHTS)
    frames = pictures(2, 224)
    expected = PictureClassifier.from_folder(place).features(torch.from_numpy(frames.data) / 255)
    assert worst(encoder(frames).tokens, expected) < CLOSE


def test_what_shapes_do_not_say_is_read_beside_them(tmp_path):
    weights, outputs, settings = golden("languagebind")
    save_file(weights, tmp_path / "model.safetensors")
    said = {"vision_config": {"num_attention_heads": settings["heads"], "hidden_act": "quick_gelu"}}
    (tmp_path / "config.json").write_text(json.dumps(said))
    encoder = encoder_class("languagebind").from_upstream(tmp_path / "model.safetensors")
    assert encoder.config.heads == settings["heads"]
    assert 1e-3 < worst(encoder(pictures(8, 28)).tokens, outputs["tokens"]) < 1


def test_files_saved_by_transformers_have_the_published_names(tmp_path):
    """Where it renames on saving, the names above are those of the hub."""
    VivitForVideoClassification(VivitConfig(**TINY["vivit"]["vision"])).save_pretrained(tmp_path)
    names = load_file(tmp_path / "model.safetensors")
    assert "vivit.encoder.layer.0.attention.attention.query.weight" in names
    assert np.all([not n.startswith("vivit.layers.") for n in names])
