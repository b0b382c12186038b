"""What a result says of its windows: the recordings that each was drawn from."""

from fractions import Fraction

import numpy as np

from vtacli.model.contract import Drawn, Take
from vtacli.takes import Remarks
from vtacli.timeline import Span, Window

WINDOW = Window(0, 1, Span(Fraction(0), Fraction(2)))
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
