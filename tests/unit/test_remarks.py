"""What a result says of its windows: the recordings that each was drawn from."""

from fractions import Fraction as F
from types import SimpleNamespace

import numpy as np
import pytest

from vtacli.model.contract import Drawn, Take
from vtacli.model.guess import Guess
from vtacli.options import GenerateOptions
from vtacli.takes import Remarks
from vtacli.timeline import Scene, Span, Window, scenes_text

WINDOW = Window(0, 1, Span(F(0), F(2)))
DOOR = Drawn("door slam", "doors/slam-1.wav", (0.5, 1.25), 0.93)


def test_a_window_says_what_it_was_drawn_from_though_its_samples_are_gone():
    take = Take(np.zeros((1, 0), np.float32), 16_000, None, (DOOR,))
    assert not len(take)
    said = Remarks({(0, 1): take}).window_dict(WINDOW)
    assert said["drawn"] == [
        {
            "label": "door slam",
            "file": "doors/slam-1.wav",
            "times_s": [0.5, 1.25],
            "likeness": 0.93,
        }
    ]
    assert (said["scene"], said["index"]) == (0, 1)


def test_a_window_of_which_nothing_is_known_was_drawn_from_nothing():
    assert Remarks().window_dict(WINDOW)["drawn"] == []


def scenes(*prompts, mute=()) -> tuple[Scene, ...]:
    return tuple(
        Scene(i, Span(F(i), F(i + 1)), prompt=prompt, mute=i in mute)
        for i, prompt in enumerate(prompts)
    )


def looked(*likeliest: float) -> Remarks:
    """Of each scene, the probability of the one sound that its picture suggests."""
    nothing = np.zeros((1, 0), np.float32)
    guesses = [Guess((), (("wood hit", p),)) for p in likeliest]
    return Remarks({(i, 0): Take(nothing, 16_000, guess) for i, guess in enumerate(guesses)})


def job(**options):
    references = options.pop("references", ())
    return SimpleNamespace(options=GenerateOptions(**options), references=references)


def test_scenes_whose_picture_says_nothing_are_told():
    remarks = looked(0.06, 0.5, 0.06)
    assert remarks.doubts(scenes(None, None, None), job()).startswith("Scenes 1 and 3: the picture")
    assert remarks.doubts(scenes("rain", None, None), job()).startswith("Scene 3: the picture")
    assert remarks.doubts(scenes("rain", None, None, mute=[2]), job()) is None
    assert looked(0.2).doubts(scenes(None), job()) is None


@pytest.mark.parametrize("told", [{"prompt": "rain"}, {"guidance": 0}, {"references": ("door",)}])
def test_they_are_not_where_the_picture_is_not_asked(told):
    assert looked(0.06).doubts(scenes(None), job()) is not None
    assert looked(0.06).doubts(scenes(None), job(**told)) is None


def test_many_scenes_are_counted():
    assert scenes_text([2]) == "Scene 3"
    assert scenes_text([0, 1, 4]) == "Scenes 1, 2 and 5"
    assert scenes_text(range(6)) == "Scenes 1, 2, 3, 4, 5 and 6"
    assert scenes_text(range(99)) == "Scenes 1, 2, 3 and 96 more"
