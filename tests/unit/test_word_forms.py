"""Inflected words are read as the labels' own; nothing else is changed."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtacli.model.mini.draft import Bank
from vtacli.model.mini.forms import WordForms
from vtacli.model.mini.text import TextSpace

ENCODER = Path(__file__).parents[2] / "weights" / "vta-mini" / "encoder"
LABELS = ("sizzle", "door slam", "bells", "bell", "dog's bowl", "running water")


@pytest.mark.parametrize(
    ("said", "read"),
    [
        ("sizzling", "sizzle"),
        ("Doors SLAMMED, sizzles!", "door slam, sizzle!"),
        ("bells and a bell", "bells and a bell"),  # the labels know both
        ("the runs", "the running"),
        ("thunder", "thunder"),
        ("dogs' bowls", "dog' bowl"),
        ("", ""),
        ("42 × …", "42 × …"),
    ],
)
def test_reading(said, read):
    assert WordForms(LABELS).read(said) == read


@given(st.text())
def test_reading_twice_changes_nothing_more(text):
    forms = WordForms(LABELS)
    assert forms.read(forms.read(text)) == forms.read(text)


@given(st.lists(st.sampled_from(LABELS)))
def test_labels_are_read_as_they_are(labels):
    text = " and ".join(labels)
    assert WordForms((*LABELS, "and")).read(text) == text


def test_it_does_not_matter_in_which_order_labels_come():
    assert WordForms(LABELS).read("doors ringing") == WordForms(LABELS[::-1]).read("doors ringing")


@pytest.mark.parametrize(
    ("said", "label"),
    [("sizzling", "sizzle"), ("barks of a dog", "dog bark"), ("sizzling in a skillet", "sizzle")],
)
def test_the_shipped_space_finds_what_was_said_in_another_form(said, label):
    bank = Bank.load(ENCODER / "bank.safetensors")
    plain = TextSpace.from_folder(ENCODER / "text")
    reading = plain.reading(bank.labels)

    def rank(space):
        likeness = (space.embed(bank.labels) @ space.embed([said])[0]).numpy()
        return int(np.sum(likeness > likeness[bank.labels.index(label)]))

    assert rank(reading) == 0
    assert rank(reading) <= rank(plain)
    for name in bank.labels[::50]:
        assert np.array_equal(reading.embed([name]), plain.embed([name]))
