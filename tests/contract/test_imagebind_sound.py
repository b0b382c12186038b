"""ImageBind's sound, and picture and sound together, are upstream's, from its one file."""

import numpy as np
import pytest
import torch
from tiny_encoders import golden, pictures, sound, tiny_imagebind

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.encoders.imagebind_audio import ImageBindAudio, filter_banks, pictures_of
from vtacli.model.imagebind import ImageBindPair, every_two_seconds
from vtacli.signal.media import Frames

CLOSE = 1e-4
OUTPUTS = golden("imagebind", "imagebind_sound")[1]
SECONDS = {"long": 9.1, "short": 1.2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.set_num_threads(1)
    return tiny_imagebind(tmp_path_factory.mktemp("shelf"))


@pytest.fixture(scope="module")
def ear(folder):
    return ImageBindAudio.from_upstream(folder / "imagebind_huge.pth")


@pytest.fixture(scope="module")
def pair(folder):
    return ImageBindPair(folder)


def worst(ours, theirs):
    assert ours.shape == theirs.shape
    return float(np.abs(np.asarray(ours) - np.asarray(theirs)).max())


@pytest.mark.parametrize("which", ["long", "short"])
def test_the_pictures_of_a_sound(which):
    expected = OUTPUTS[f"{which}_bands"]
    found = pictures_of(sound(SECONDS[which]))
    assert found.shape == (3, 1, 128, 204)
    found = found[: len(expected), 0, ::4, ::2]
    assert worst(found, expected) < CLOSE
    assert expected.std() > 0.1  # it could have failed
    assert worst(found, expected.flip(1)) > 0.1
    assert worst(found, expected.flip(2)) > 0.1


@pytest.mark.parametrize("which", ["long", "short"])
def test_the_trunk(ear, which):
    found, expected = ear(pictures_of(sound(SECONDS[which]))), OUTPUTS[f"{which}_clips"]
    assert worst(found, expected) < CLOSE
    assert expected.std() > 0.1
    assert worst(found, expected.roll(1, dims=1)) > 0.1
    if which == "long":  # the clips are three
        assert worst(found, expected.flip(0)) > 0.1
    assert worst(found.norm(dim=1), ear.log_scale.exp().expand(3)) < 1e-5


def test_the_spare_key_and_value_are_looked_at(ear):
    """The golden would tell if they were left out."""
    shown = pictures_of(sound(9.1))
    block = ear.blocks[0].attn
    key, block.bias_k = block.bias_k, None
    try:
        assert worst(ear(shown), OUTPUTS["long_clips"]) > 10 * CLOSE
    finally:
        block.bias_k = key


def test_picture_and_sound_in_one_space(pair):
    frames = pictures(4, 224, 0.5)
    seen = pair.seen(Frames(frames.data, frames.times_s + 1))
    heard = pair.heard(sound(9.1))
    assert worst(seen, OUTPUTS["picture"]) < CLOSE
    assert worst(heard, OUTPUTS["long_sound"]) < CLOSE
    cosine = seen @ heard / np.linalg.norm(seen) / np.linalg.norm(heard)
    assert cosine == pytest.approx(float(OUTPUTS["score"]), abs=CLOSE)
    assert worst(pair.heard(sound(1.2)), OUTPUTS["long_sound"]) > 0.05


def test_neither_the_order_of_clips_nor_their_company_matters(ear, pair):
    shown = pictures_of(sound(9.1))
    order = [2, 0, 1]
    assert worst(ear(shown[order]), ear(shown)[order]) < 1e-6
    frames, other = pictures(12, 224, 0.5), pictures(12, 224, 0.5, seed=8)  # more than one batch
    both = pair.seen(frames, other)
    assert worst(both, pair.seen(other, frames)) < 1e-6
    assert worst(both, (pair.seen(frames) + pair.seen(other)) / 2) < 1e-6


def test_little_to_see_or_hear(pair):
    one = pictures(1, 224)
    twice = Frames(np.repeat(one.data, 2, axis=0), np.array([1.0, 3.0]))
    assert worst(pair.seen(one), pair.seen(twice)) < 1e-6
    assert pair.seen(pictures(0, 224)) is None
    assert pair.heard(np.zeros(399, np.float32)) is None
    assert np.isfinite(pair.heard(np.zeros(400, np.float32))).all()
    assert filter_banks(np.zeros(400, np.float32)).shape == (1, 128)


def test_a_picture_from_the_middle_of_every_two_seconds():
    assert list(every_two_seconds(np.arange(8.0))) == [1, 3, 5, 7]
    assert list(every_two_seconds(np.arange(9.0))) == [1, 3, 5, 7]
    assert list(every_two_seconds(np.arange(0, 5, 0.5))) == [2, 6]
    assert list(every_two_seconds(np.array([0.0]))) == [0]
    assert list(every_two_seconds(np.array([0.6, 1.6]))) == [0]


def test_names_are_strict_for_what_is_used(tmp_path):
    path = tiny_imagebind(tmp_path) / "imagebind_huge.pth"
    whole = torch.load(path)
    used = ("modality_trunks.audio.blocks.1.attn.bias_k", "modality_heads.vision.2.weight")
    for name in used:
        torch.save({k: v for k, v in whole.items() if k != name}, path)
        with pytest.raises(WeightsRefused):
            ImageBindPair(path.parent)
    torch.save({**whole, "modality_heads.audio.more": torch.zeros(1)}, path)
    with pytest.raises(WeightsRefused, match="unexpected"):
        ImageBindPair(path.parent)
    others = (".text.", ".depth.", ".thermal.", ".imu.")
    torch.save({k: v for k, v in whole.items() if not any(o in k for o in others)}, path)
    assert ImageBindPair(path.parent).heard(sound(1.2)) is not None
    path.unlink()
    with pytest.raises(WeightsMissing, match="found 0"):
        ImageBindPair(path.parent)


def test_pictures_of_another_size_are_refused(tmp_path):
    weights, _, _ = golden("imagebind", "imagebind_sound", ("nothing",))
    name = "modality_preprocessors.vision.pos_embedding_helper.pos_embed"
    torch.save({**weights, name: torch.zeros(1, 10, 32)}, tmp_path / "imagebind_huge.pth")
    with pytest.raises(WeightsRefused, match="168 px"):
        ImageBindPair(tmp_path)
