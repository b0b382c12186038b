"""Answers are kept for the objects and values that they are about, and for no others."""

from __future__ import annotations

import weakref

import pytest

from vtacli.model.mini.remembered import MOST, Remembered


class Picture:
    """Something of which there may be another that is equal."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Picture)

    __hash__ = None  # type: ignore[assignment]


@pytest.fixture
def asked():
    return []


def ask(kept, asked, *objects, values=()):
    return kept.of(objects, values, lambda: asked.append(values) or len(asked))


def test_what_was_answered_is_not_asked_again(asked):
    kept, picture, motion = Remembered[int](), Picture(), Picture()
    assert ask(kept, asked, picture, None, values=("rain",)) == 1
    assert ask(kept, asked, picture, None, values=("rain",)) == 1
    assert ask(kept, asked, picture, None, values=("wind",)) == 2
    assert ask(kept, asked, picture, motion, values=("rain",)) == 3
    assert ask(kept, asked, motion, picture, values=("rain",)) == 4
    assert ask(kept, asked, None, None) == ask(kept, asked, None, None) == 5


def test_an_equal_object_is_another_one(asked):
    kept, picture = Remembered[int](), Picture()
    assert ask(kept, asked, picture) == 1
    assert ask(kept, asked, Picture()) == 2


def test_an_object_that_took_the_place_of_one_that_is_gone_is_asked_about(asked):
    kept, seen = Remembered[int](), set()
    for count in range(1, 20):
        picture = Picture()
        seen.add(id(picture))
        assert ask(kept, asked, picture) == count
        del picture  # nothing else holds it: its place is free at once
    assert len(seen) < 19  # or the test has shown nothing


def test_only_the_last_are_kept_and_no_object_is_kept_alive(asked):
    kept = Remembered[int]()
    pictures = [Picture() for _ in range(MOST + 1)]
    for i in range(len(pictures)):
        ask(kept, asked, pictures[i])
    assert ask(kept, asked, pictures[-1]) == MOST + 1
    assert ask(kept, asked, pictures[0]) == MOST + 2
    gone = weakref.ref(pictures.pop(5))
    assert gone() is None
