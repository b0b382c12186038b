"""Renders are real films: they decode, they repeat, and they are not made twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vtacli.evaluation.renders import KINDS, make_renders, motion_of
from vtacli.media.probe import probe
from vtacli.progress import Event, Step

pytest.importorskip("pymunk")
LENGTH_S = 2.5


def test_renders_are_films_of_their_kinds_that_are_made_once(tmp_path: Path) -> None:
    heard: list[Event] = []
    made = make_renders(tmp_path / "a", 3, 5, heard.append, duration_s=LENGTH_S)
    assert [r.kind for r in made] == list(KINDS[:3])
    assert heard == [Step("renders", i, 3) for i in (1, 2, 3)]
    for render in made:
        footage = probe(render.film)
        assert footage.frame_rate > 11
        assert float(footage.duration_s) == pytest.approx(render.duration_s, abs=1e-3)
        assert all(0 < t < render.duration_s and 0 < s <= 1 for t, s in render.hits)
        motion = motion_of(render.film)
        assert len(motion) == footage.frames
        assert motion.values[:, 0].max() > 0
    # Again, elsewhere: the same to the byte. Here: not written at all.
    again = make_renders(tmp_path / "b", 3, 5, duration_s=LENGTH_S)
    for one, other in zip(made, again, strict=True):
        assert one.film.read_bytes() == other.film.read_bytes()
        assert replace(one, film=other.film) == other
    stamps = [r.film.stat().st_mtime_ns for r in made]
    assert make_renders(tmp_path / "a", 3, 5, duration_s=LENGTH_S) == made
    assert [r.film.stat().st_mtime_ns for r in made] == stamps


def test_a_film_that_was_changed_or_asked_otherwise_is_made_again(tmp_path: Path) -> None:
    (made,) = make_renders(tmp_path, 1, 6, duration_s=LENGTH_S)
    whole = made.film.read_bytes()
    made.film.write_bytes(whole[:-100])
    make_renders(tmp_path, 1, 6, duration_s=LENGTH_S)
    assert made.film.read_bytes() == whole
    (longer,) = make_renders(tmp_path, 1, 6, duration_s=LENGTH_S + 0.5)
    assert longer.duration_s > made.duration_s
    (other,) = make_renders(tmp_path, 1, 7, duration_s=LENGTH_S)
    assert other.film.read_bytes() != whole


def test_a_hit_is_seen_when_it_is_said_to_happen(tmp_path: Path) -> None:
    """The picture's movement changes around a hit: nothing is as still as the rest of the film."""
    renders = [r for r in make_renders(tmp_path, 4, 8, duration_s=4) if r.hits]
    assert len(renders) >= 3
    for render in renders:
        motion = motion_of(render.film)
        energy = motion.values[:, 0]
        for time_s, strength in render.hits:
            if strength > 0.5:
                near = np.abs(motion.times_s - time_s) < 0.15
                assert energy[near].max() > np.quantile(energy, 0.1)
