"""The text space: laws of its points, what lies near what, and how it agrees with its teacher."""

from __future__ import annotations

import csv
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.mini.text import TextSpace, quantise

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "weights" / "vta-mini" / "encoder" / "text"
GOLDEN = ROOT / "tests" / "golden"


@pytest.fixture(scope="module")
def space() -> TextSpace:
    return TextSpace.from_folder(FOLDER)


def paraphrases() -> list[tuple[str, set[str]]]:
    with (GOLDEN / "sound_paraphrases.csv").open(encoding="utf-8", newline="") as file:
        return [(row["wording"], set(row["labels"].split("|"))) for row in csv.DictReader(file)]


def ranks(queries: np.ndarray, gallery: np.ndarray, accepted: np.ndarray) -> np.ndarray:
    """(Q,) place of the best accepted label, 1 being first, among those not accepted."""
    likeness = queries @ gallery.T
    best = np.where(accepted, likeness, -np.inf).max(axis=1, keepdims=True)
    return (np.where(accepted, -np.inf, likeness) > best).sum(axis=1) + 1


def paraphrase_ranks(embed) -> np.ndarray:
    labels = (GOLDEN / "sound_labels.txt").read_text("utf-8").splitlines()
    pairs = paraphrases()
    accepted = np.array([[label in answers for label in labels] for _, answers in pairs])
    return ranks(embed([wording for wording, _ in pairs]), embed(labels), accepted)


# laws


def test_rows_have_length_one(space):
    points = space.embed(["dog", "a door slams shut", "rain on a tin roof in the night"])
    assert points.shape == (3, 256)
    assert points.dtype == torch.float32
    torch.testing.assert_close(points.norm(dim=1), torch.ones(3), atol=1e-6, rtol=0)


@pytest.mark.parametrize("text", ["", "   ", "\n", "…!?", "雨", "🐕"])
def test_what_says_nothing_is_zero(space, text):
    assert not space.embed([text]).any()


def test_no_texts_give_no_rows(space):
    assert space.embed([]).shape == (0, 256)


def test_a_text_is_the_same_alone_and_in_any_company(space):
    texts = ["dog bark", "", "glass shatters on a stone floor", "wind"]
    together = space.embed(texts)
    for i, text in enumerate(texts):
        assert torch.equal(space.embed([text])[0], together[i])
    assert torch.equal(space.embed(texts[::-1]), together.flip(0))


def test_case_accents_and_punctuation_do_not_matter(space):
    plain, shouted, accented = space.embed(["cafe door bell", "CAFE, door-bell!", "Café Door Bell"])
    assert torch.equal(plain, shouted)
    assert torch.equal(plain, accented)


def test_unknown_words_are_left_out(space):
    known, mixed = space.embed(["thunder", "雨 thunder"])
    assert torch.equal(known, mixed)


def test_a_very_long_prompt_is_read_to_its_end(space):
    start, whole = space.embed(["rain " * 600, "rain " * 600 + "dog " * 600])
    assert float(start @ whole) < 0.95


def test_quantising_moves_no_entry_by_more_than_half_a_step():
    vectors = np.random.default_rng(0).normal(size=(50, 16)).astype(np.float32)
    vectors[7] = 0
    rows, scales = quantise(vectors)
    assert (np.abs(rows * scales[:, None] - vectors) <= scales[:, None] * 0.5001).all()
    assert np.abs(rows).max(axis=1)[np.arange(50) != 7].min() == 127
    assert not rows[7].any()


# what is refused


def copy_of(folder: Path, destination: Path) -> Path:
    destination.mkdir()
    for file in folder.iterdir():
        (destination / file.name).write_bytes(file.read_bytes())
    return destination


@pytest.mark.parametrize("name", ["embeddings.safetensors", "tokenizer.json", "config.json"])
def test_a_missing_part_is_named(tmp_path, name):
    folder = copy_of(FOLDER, tmp_path / "text")
    (folder / name).unlink()
    with pytest.raises(WeightsMissing, match=name):
        TextSpace.from_folder(folder)


@pytest.mark.parametrize("name", ["embeddings.safetensors", "tokenizer.json", "config.json"])
def test_a_damaged_part_is_refused(tmp_path, name):
    folder = copy_of(FOLDER, tmp_path / "text")
    (folder / name).write_bytes(b"{ not this")
    with pytest.raises(WeightsRefused):
        TextSpace.from_folder(folder)


def test_a_table_of_another_size_is_refused(tmp_path):
    folder = copy_of(FOLDER, tmp_path / "text")
    tensors = load_file(folder / "embeddings.safetensors")
    save_file({k: v[:-1].copy() for k, v in tensors.items()}, folder / "embeddings.safetensors")
    with pytest.raises(WeightsRefused):
        TextSpace.from_folder(folder)


# goldens


@pytest.mark.parametrize(
    ("text", "nearer", "farther"),
    [
        ("dog barking", "bark", "rain"),
        ("heavy downpour", "rain heavy", "door slam"),
        ("lighting a match", "match ignite", "tennis ball"),
        ("ocean surf", "waves", "engine"),
        ("a car drives by", "car engine", "cat meow"),
        ("shattering window", "glass break", "wind"),
        ("someone walks on gravel", "footsteps on gravel", "gunshot"),
        ("typing", "computer keyboard", "piano"),
    ],
)
def test_what_lies_near_what(space, text, nearer, farther):
    point, near, far = space.embed([text, nearer, farther])
    assert float(point @ near) > float(point @ far) + 0.2


def test_other_wordings_find_their_labels(space):
    places = paraphrase_ranks(lambda texts: space.embed(texts).numpy())
    assert len(places) >= 100
    assert (places == 1).mean() >= 0.80
    assert (places <= 5).mean() >= 0.92
    assert (1 / places).mean() >= 0.86


@pytest.mark.slow
@pytest.mark.skipif("VTA_MINILM" not in os.environ, reason="VTA_MINILM: all-MiniLM-L6-v2's folder")
def test_finds_labels_as_well_as_its_teacher(space):
    from vtacli.training.distil import Teacher

    teacher = Teacher(Path(os.environ["VTA_MINILM"]))
    theirs = (1 / paraphrase_ranks(teacher.sentences)).mean()
    ours = (1 / paraphrase_ranks(lambda texts: space.embed(texts).numpy())).mean()
    assert ours > theirs - 0.03
