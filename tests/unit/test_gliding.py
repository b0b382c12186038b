"""Films in which things glide: nothing strikes, and nothing starts, stops or jumps."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pymunk")

from vtacli.evaluation.gliding import gliding_film


@pytest.mark.parametrize("i", range(8))
def test_a_film_is_the_same_again_and_strikes_nothing(i: int) -> None:
    film, again = gliding_film(0, i, 3.0), gliding_film(0, i, 3.0)
    np.testing.assert_array_equal(film.lumas, again.lumas)
    assert film.hits == ()
    assert film.lumas.shape == (len(film.times_s), 36, 64)
    assert film.lumas.dtype == np.uint8
    assert 12 <= len(film.times_s) / 3.0 <= 50


def test_most_films_move_and_every_one_moves_evenly() -> None:
    moving = 0
    for i in range(24):
        lumas = gliding_film(0, i, 3.0).lumas.astype(int)
        change = np.abs(np.diff(lumas, axis=0)).mean(axis=(1, 2))
        moving += change.max() > 0.02
        # A thing of 12 by 12 pixels that came from nowhere would change more than this at once.
        assert np.abs(np.diff(change)).max() < 1.5
    assert moving >= 18
