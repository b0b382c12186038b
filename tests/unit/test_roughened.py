"""Renders made less clean: what happens when, and what strikes, stays true."""

from __future__ import annotations

import numpy as np
import pytest

from vtacli.evaluation import roughened as module
from vtacli.evaluation.roughened import SmallFilm, roughened

H, W = 36, 64


def film(fps: float, hits=((0.5, 0.8),), shade: int = 100) -> SmallFilm:
    """A square that stands until 0.5 s and then somewhere else."""
    times = np.arange(int(2 * fps)) / fps
    lumas = np.full((len(times), H, W), shade, np.uint8)
    lumas[times < 0.5, 10:20, 10:20] = 220
    lumas[times >= 0.5, 10:20, 30:40] = 220
    return SmallFilm(lumas, times, hits)


def only(monkeypatch, **chances: float) -> None:
    for name in ("FEWER", "ANOTHER", "HELD", "CLUTTERED"):
        monkeypatch.setattr(module, name, chances.get(name, 0.0))


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("fps", [12, 25, 50])
def test_a_seed_makes_one_film_whose_hits_are_those_of_both(fps: int, seed: int) -> None:
    other = film(30, hits=((0.2, 0.4),), shade=60)
    made, again = (roughened(film(fps), other, np.random.default_rng(seed)) for _ in range(2))
    np.testing.assert_array_equal(made.lumas, again.lumas)
    assert made.lumas.dtype == np.uint8
    assert made.lumas.shape == (len(made.times_s), H, W)
    assert made.hits in (((0.5, 0.8),), ((0.2, 0.4), (0.5, 0.8)))


def test_fewer_pictures_keep_their_times_and_films_of_few_are_left_alone(monkeypatch) -> None:
    only(monkeypatch, FEWER=1)
    for fps, possible in ((12, {1}), (25, {2}), (50, {2, 4})):
        whole, every = film(fps), set()
        for seed in range(12):
            made = roughened(whole, whole, np.random.default_rng(seed))
            every.add(round(len(whole.times_s) / len(made.times_s)))
            assert set(made.times_s) <= set(whole.times_s)
        assert every == possible


def test_another_film_shows_what_it_shows_at_the_time(monkeypatch) -> None:
    only(monkeypatch, ANOTHER=1)
    still = SmallFilm(np.full((50, H, W), 100, np.uint8), np.arange(50) / 25, ())
    made = roughened(still, film(50), np.random.default_rng(0))
    changes = np.abs(np.diff(made.lumas.astype(int), axis=0)).mean(axis=(1, 2))
    assert changes.argmax() == np.searchsorted(still.times_s, 0.5) - 1


def test_a_held_camera_moves_all_and_a_camera_on_a_tripod_nothing(monkeypatch) -> None:
    monkeypatch.setattr(module, "GRAIN", (0.0,))
    for held in (0.0, 1.0):
        only(monkeypatch, HELD=held, CLUTTERED=held)
        for seed in range(8):
            lumas = roughened(film(25), film(25), np.random.default_rng(seed)).lumas[:10]
            changes = np.abs(np.diff(lumas.astype(int), axis=0))
            assert (changes.mean() > 0.02) if held else (changes.max() == 0)
