"""The picture classifier and the table from what is seen to what is heard."""

from __future__ import annotations

from pathlib import Path

import av
import pytest
import torch
from safetensors.torch import load_file, save_file
from torch.nn import functional

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.mini.picture import WEIGHTS, PictureClassifier, SameConv
from vtacli.model.mini.picture_words import FLOOR, PictureWords, shipped_rows
from vtacli.model.mini.text import TextSpace

ROOT = Path(__file__).parents[2]
MINI = ROOT / "weights" / "vta-mini" / "encoder"


@pytest.fixture(scope="module")
def classifier() -> PictureClassifier:
    return PictureClassifier.from_folder(MINI / "picture")


@pytest.fixture(scope="module")
def space() -> TextSpace:
    return TextSpace.from_folder(MINI / "text")


@pytest.fixture(scope="module")
def words(space) -> PictureWords:
    return PictureWords.shipped(space)


def hawk() -> torch.Tensor:
    with av.open(str(ROOT / "tests" / "golden" / "hawk.jpg")) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


def surely(*classes: int) -> torch.Tensor:
    """(T, 1000): each picture surely of one class."""
    return functional.one_hot(torch.tensor(classes), 1000).float()


# the classifier


@pytest.mark.parametrize(("size", "kernel", "stride"), [(9, 3, 2), (8, 3, 2), (8, 5, 2), (7, 3, 1)])
def test_same_padding_keeps_the_grid_of_tensorflow(size, kernel, stride):
    conv = SameConv(1, 1, kernel, stride, bias=False)
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[0, 0, -1, -1] = 1  # picks the last pixel under the kernel
        picture = torch.arange(size * size, dtype=torch.float32).view(1, 1, size, size) + 1
        out = conv(picture)[0, 0]
    cells = -(-size // stride)
    missing = max((cells - 1) * stride + kernel - size, 0)
    last = [i * stride - missing // 2 + kernel - 1 for i in range(cells)]
    expected = [[y * size + x + 1 if max(x, y) < size else 0 for x in last] for y in last]
    assert out.tolist() == expected


def test_pictures_of_a_batch_do_not_touch_each_other(classifier):
    pictures = torch.rand(3, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    together = classifier(pictures)
    assert together.shape == (3, 1000)
    torch.testing.assert_close(classifier(pictures.flip(0)).flip(0), together, atol=1e-4, rtol=0)
    torch.testing.assert_close(classifier(pictures[1:2]), together[1:2], atol=1e-4, rtol=0)


def test_a_hawk_is_a_bird_of_prey(classifier):
    probabilities = classifier(hawk()).softmax(-1)[0]
    assert probabilities[21:25].sum() > 0.6  # kite, bald eagle, vulture, great grey owl
    assert int(probabilities.argmax()) == 21


def test_another_size_is_an_error(classifier):
    with pytest.raises(ValueError, match="224"):
        classifier(torch.zeros(1, 3, 192, 192))


def test_absent_and_foreign_weights(tmp_path):
    with pytest.raises(WeightsMissing):
        PictureClassifier.from_folder(tmp_path)
    state = load_file(MINI / "picture" / WEIGHTS)
    state["surplus"] = torch.zeros(1)
    save_file(state, tmp_path / WEIGHTS)
    with pytest.raises(WeightsRefused, match="surplus"):
        PictureClassifier.from_folder(tmp_path)


# the table


def test_the_table_is_whole_and_within_bounds():
    rows = shipped_rows()
    assert [row.index for row in rows] == list(range(1000))
    assert all(row.name for row in rows)
    assert all((row.weight > 0) == bool(row.sound) for row in rows)
    assert all(0 <= row.weight <= 0.9 for row in rows)


def test_every_phrase_has_a_point(space):
    phrases = sorted({row.sound for row in shipped_rows()} - {""})
    assert space.embed(phrases).norm(dim=1).min() > 0.999


@pytest.mark.parametrize(
    ("seen", "heard"),
    [
        (207, "dog"),  # golden retriever
        (752, "tennis ball"),  # racket
        (542, "drum"),  # drumstick
        (978, "waves"),  # seashore
        (562, "water"),  # fountain
        (820, "train"),  # steam locomotive
        (817, "car engine"),  # sports car
        (508, "typing"),  # computer keyboard
        (644, "fire"),  # matchstick
        (829, "tram"),  # streetcar
        (21, "bird"),  # kite
    ],
)
def test_things_are_heard_as_what_they_are(words, space, seen, heard):
    mixture = words.mixture(surely(seen))
    assert len(mixture.guesses) == 1
    among = ["dog", "tennis ball", "drum", "waves", "water", "train", "car engine", "typing"]
    among += ["fire", "tram", "bird"]
    nearest = among[int((space.embed(among) @ mixture.embedding).argmax())]
    assert nearest == heard or {nearest, heard} == {"train", "tram"}


def test_the_mixture_is_linear_in_time(words):
    dog, sea = words.mixture(surely(207)), words.mixture(surely(978))
    both = words.mixture(surely(207, 978, 978, 978))
    torch.testing.assert_close(both.embedding, 0.25 * dog.embedding + 0.75 * sea.embedding)
    assert dict(both.guesses) == pytest.approx({"dog bark": 0.25 * 0.65, "waves": 0.75 * 0.9})
    assert both.guesses[0][0] == "waves"
    assert torch.equal(words.mixture(surely(978, 207, 978, 978)).embedding, both.embedding)


def test_classes_of_one_sound_add_up(words):
    spread = torch.zeros(1, 1000)
    spread[0, 151:161] = 0.1
    guesses = words.mixture(spread).guesses
    assert [phrase for phrase, _ in guesses] == ["dog bark"]
    assert guesses[0][1] == pytest.approx(0.65)


def test_the_length_says_how_surely(words):
    sure = words.mixture(surely(978))
    unsure = words.mixture(surely(978) * 0.1 + 0.9 / 1000)
    torch.testing.assert_close(sure.embedding.norm(), torch.tensor(0.9), atol=1e-5, rtol=0)
    assert unsure.embedding.norm() < 0.12
    assert unsure.nothing > 0.85


def test_specks_of_probability_are_no_evidence(words):
    flat = words.mixture(torch.full((4, 1000), 1 / 1000))
    assert FLOOR > 1 / 1000
    assert flat.guesses == []
    assert not flat.embedding.any()
    assert flat.nothing == 1


def test_silent_things_and_no_pictures_say_nothing(words):
    for mixture in (words.mixture(surely(951)), words.mixture(torch.zeros(0, 1000))):
        assert mixture.guesses == []
        assert mixture.embedding.shape == (256,)
        assert not mixture.embedding.any()


def test_another_number_of_classes_is_an_error(words):
    with pytest.raises(ValueError, match="1000"):
        words.mixture(torch.zeros(2, 999))
