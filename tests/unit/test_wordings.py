from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

import vtacli
from vtacli.errors import ConfigError
from vtacli.media.weights import shelves
from vtacli.model.yamnet import class_names
from vtacli.training.labels import clean_label, label_of
from vtacli.training.provenance import TABLE
from vtacli.training.soundfont import read_presets
from vtacli.training.wordings import Wordings

RAW_LABELS = (Path(__file__).parents[1] / "golden/sound_labels.txt").read_text().splitlines()
KNOWN = [label_of(row) for row in csv.DictReader(TABLE.open(newline="", encoding="utf-8"))]
RENDERED = [preset.label for preset in read_presets()]
LABELS = sorted({*(clean_label(label) for label in RAW_LABELS), *KNOWN, *RENDERED})
PROMPTS = list(
    csv.DictReader((Path(vtacli.__file__).parent / "evaluation/prompts.csv").open(newline=""))
)


@pytest.fixture(scope="module")
def wordings() -> Wordings:
    return Wordings.shipped()


def test_every_label_has_three_wordings_beside_itself(wordings: Wordings) -> None:
    for label in LABELS:
        said = wordings.of(label)
        assert said[0] == label
        assert len(said) >= 4, label
        assert len(set(said)) == len(said)
        assert all(phrase and "{" not in phrase and "  " not in phrase for phrase in said), said


@pytest.mark.parametrize(
    ("label", "phrase"),
    [
        ("dog bark", "a dog barking"),
        ("rain", "rain falling"),
        ("marble drop", "dropping a marble"),
        ("plastic hit", "hitting plastic"),
        ("ribbed tube", "handling a ribbed tube"),
        ("never heard of", "handling never heard of"),
    ],
)
def test_what_people_would_type(wordings: Wordings, label: str, phrase: str) -> None:
    assert phrase in wordings.of(label)


def test_a_word_inside_another_is_not_that_word(wordings: Wordings) -> None:
    assert not any("keys" in phrase for phrase in wordings.of("monkey"))
    assert not any(
        "heels" in phrase for phrase in wordings.of("wheel spin") if "wheel" not in phrase
    )
    assert not any("tool" in p and "stool" not in p for p in wordings.of("stool"))


def test_half_of_the_captions_are_the_labels_themselves(wordings: Wordings) -> None:
    rng = np.random.default_rng(3)
    drawn = [wordings.caption(["wolf snarl"], rng) for _ in range(600)]
    plain = sum(caption == "wolf snarl" for caption in drawn)
    assert 240 < plain < 360
    assert len(set(drawn)) >= 5


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_caption_speaks_of_each_label(wordings: Wordings, count: int) -> None:
    labels = ["wolf snarl", "glass break", "heavy rain"][:count]
    rng = np.random.default_rng(0)
    for _ in range(50):
        caption = wordings.caption(labels, rng)
        for label in labels:
            assert any(phrase in caption for phrase in wordings.of(label)), (caption, label)


def test_captions_of_silence_of_repeats_and_of_the_same_seed(wordings: Wordings) -> None:
    assert wordings.caption([], np.random.default_rng(0)) == ""
    twice = [wordings.caption(["rain", "rain"], np.random.default_rng(5)) for _ in range(2)]
    assert twice[0] == twice[1] == wordings.caption(["rain"], np.random.default_rng(5))


def test_a_bad_table_is_named(tmp_path: Path) -> None:
    table = tmp_path / "bad.toml"
    table.write_text("[sounds]\n'(' = 'x'\n")
    with pytest.raises(ConfigError, match="not a table of wordings") as caught:
        Wordings.read(table)
    assert str(table) in str(caught.value)


def test_prompts_of_the_evaluation_were_never_said_in_training(wordings: Wordings) -> None:
    assert len(PROMPTS) == 60
    said = {phrase for label in LABELS for phrase in wordings.of(label)}
    said |= {frame.format(phrase) for phrase in said for frame in ("sound of {}", "{} sound")}
    unseen = [row["prompt"] for row in PROMPTS if row["named"] == "0"]
    assert len(unseen) == 52
    assert not said & set(unseen)


def test_prompts_ask_for_classes_and_recordings_that_exist() -> None:
    tagger = next(shelf / "yamnet" for shelf in shelves() if (shelf / "yamnet").is_dir())
    names = set(class_names(tagger))
    for row in PROMPTS:
        assert set(row["classes"].split("|")) <= names, row
        assert sum(bool(re.search(row["label_pattern"], label)) for label in KNOWN) >= 2, row
