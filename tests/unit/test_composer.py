"""Composed windows: what is known of them is true, and they are the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from toy_sounds import make_toy_sounds

from vtacli.training import patterns
from vtacli.training.composer import Composer
from vtacli.training.degrade import degraded_hits, motion_of_hits
from vtacli.training.labels import clean_label, kept
from vtacli.training.library import is_held_out, open_library
from vtacli.training.loop import rng_of
from vtacli.training.score import f1, hit_counts
from vtacli.training.sources import find_sources


@pytest.fixture(scope="module")
def composer(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sounds")
    library = open_library(make_toy_sounds(folder / "sounds"), folder / "cache")
    return Composer(library, find_sources(library, held_out=False), 10.24)


def test_the_same_seed_gives_the_same_window(composer):
    a, b = (composer.compose(rng_of(3, 17, "windows")) for _ in range(2))
    assert np.array_equal(a.wave, b.wave)
    assert (a.hits, a.caption, a.events) == (b.hits, b.caption, b.events)


def test_windows_never_clip_and_have_the_right_length(composer):
    for i in range(40):
        made = composer.compose(rng_of(0, i, "windows"))
        assert made.wave.shape == (163_840,)
        assert np.abs(made.wave).max() <= 1.0
        assert (made.caption == "") == (not made.labels) == (not made.wave.any())
        assert all(0 <= t < 10.24 and 0 < s <= 1 for t, s in made.hits)


def test_hits_are_where_the_sound_rises(composer):
    """Sound in the 60 ms after a lone hit is louder than in the 60 ms before it."""
    louder = []
    for i in range(60):
        made = composer.compose(rng_of(5, i, "windows"))
        if len({e.source for e in made.events}) != 1 or made.events[0].kind != 0:
            continue
        for time_s, _ in made.hits:
            at = round(time_s * 16_000)
            if at > 960:
                before = np.abs(made.wave[at - 960 : at - 160]).max()
                louder.append(np.abs(made.wave[at : at + 960]).max() > before)
    assert len(louder) > 50
    assert np.mean(louder) > 0.9


@pytest.mark.parametrize("pattern", patterns.PATTERNS)
def test_patterns_stay_in_the_window(pattern):
    for seed in range(30):
        hits = [h for h in pattern(np.random.default_rng(seed), 10.24) if h[0] < 10.24]
        assert all(t >= 0 and 0 < s <= 1 for t, s in hits)


def test_a_bounce_speeds_up():
    times = [t for t, _ in patterns.bounce(np.random.default_rng(2), 10.24)]
    gaps = np.diff(times)
    assert len(gaps) > 2
    assert (np.diff(gaps) < 0).all()


def test_degraded_hits_stay_near_their_own():
    hits = [(0.5 * i, 0.8) for i in range(1, 20)]
    for seed in range(20):
        out, origin = degraded_hits(np.random.default_rng(seed), hits, 10.24)
        true = [(o, t) for (t, _), o in zip(out, origin, strict=True) if o >= 0]
        assert all(abs(t - hits[o][0]) < 0.1 for o, t in true)
        assert out == sorted(out)


def test_motion_curves_are_in_range():
    action = np.abs(np.random.default_rng(0).normal(0, 0.1, 1024)).astype(np.float32)
    onset, energy = motion_of_hits(np.random.default_rng(1), [(1.0, 1.0), (4.0, 0.3)], action)
    for curve in (onset, energy):
        assert curve.shape == (1024,)
        assert curve.min() >= 0
        assert curve.max() <= 1
    assert abs(int(onset.argmax()) - 100) <= 1


def test_holding_out_goes_by_name_alone():
    names = [f"file-{i}.opus" for i in range(2000)]
    share = np.mean([is_held_out(n, 0.06) for n in names])
    assert 0.04 < share < 0.08
    assert [is_held_out(n, 0.06) for n in names] == [is_held_out(n, 0.06) for n in names]


@pytest.mark.parametrize(
    ("label", "clean"),
    [
        ("clonk movement step hard ogg", "footstep on hard ground"),
        ("hits materials wood dull wood hit ogg", "dull wood hit"),
        ("doorslam d", "door slam"),
        ("fire hose", "fire hose"),
        ("shoes in gravel", "footsteps on gravel"),
    ],
)
def test_labels_become_words(label, clean):
    assert clean_label(label) == clean


@pytest.mark.parametrize(
    ("label", "keep"),
    [("piano chord", False), ("longsynth", False), ("stone gate", True), ("rain", True)],
)
def test_music_is_left_out(label, keep):
    assert kept({"label": label, "seconds": "1.0"}) is keep


def test_counting_hits():
    assert hit_counts([1.0, 2.0, 3.0], [1.05, 2.2, 3.0]) == (2, 1, 1)
    assert hit_counts([1.0, 1.02], [1.01]) == (1, 1, 0)
    assert hit_counts([], [1.0]) == (0, 0, 1)
    assert f1([(1, 1, 1)]) == pytest.approx(0.5)
    assert f1([(0, 0, 0)]) == 0.0
