from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from evaluation_models import ClickModel, SilentModel, study_of
from toy_sounds import make_toy_sounds

from vtacli.evaluation.hits import (
    counts_of,
    film_rows,
    pooled_f1,
    share_of,
    shuffled_counts,
    summary,
    true_sound,
)
from vtacli.evaluation.recordings import open_catalogue
from vtacli.evaluation.renders import Render
from vtacli.evaluation.take import watch
from vtacli.signal.onsets import find_onsets

HITS = ((0.3, 1.0), (0.75, 0.8), (1.2, 1.0), (1.65, 0.9))


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return open_catalogue([make_toy_sounds(tmp_path_factory.mktemp("toys"), 120)])


def drawn_hits(count=30):
    rng = np.random.default_rng(0)
    return [sorted(rng.uniform(0, 10, 8)) for _ in range(count)]


def test_the_truth_against_itself_is_all_of_it():
    true = drawn_hits()
    counts = counts_of(true, true)
    interval = share_of(counts, counts)
    assert (interval.value, interval.low, interval.high) == (1.0, 1.0, 1.0)
    assert pooled_f1(counts) == 1.0


def test_another_films_sound_is_chance_however_good_the_model_is():
    true = drawn_hits()
    shuffled = pooled_f1(shuffled_counts(true, true, 0))
    # 8 onsets with 160 ms each cover an eighth of 10 s
    assert shuffled == pytest.approx(8 * 0.16 / 10, abs=0.05)
    random = drawn_hits(60)[30:]
    assert shuffled == pytest.approx(pooled_f1(counts_of(random, true)), abs=0.06)


def test_silence_scores_nothing_and_nothing_scores_nan():
    true = drawn_hits(3)
    assert pooled_f1(counts_of([[], [], []], true)) == 0.0
    assert np.isnan(pooled_f1(counts_of([[]], [[]])))


def rows_of(folder, model, pair, catalogue):
    study = study_of(model, folder, catalogue=catalogue)
    other = tuple((round(t + 0.2, 3), s) for t, s in HITS[:-1])
    renders = [
        Render(pair[0], HITS, 2.0, "ball", 0, "wood hit"),
        Render(pair[1], other, 2.0, "door", 0, "wood hit"),
    ]
    return film_rows(study, renders)


def test_clicks_at_the_hits_score_high_and_silence_scores_nothing(
    tmp_path, silent_film, long_film, catalogue
):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    figures = {}
    for folder, model in (("a", ClickModel()), ("b", SilentModel())):
        rows = rows_of(tmp_path / folder, model, (silent_film, long_film), catalogue)
        found, scores = summary(rows, 0)
        figures[folder] = {f.key: f for f in found}
        assert all(len(row["truths"]) == 2 for row in rows)
        assert scores["true sound"]["value"] > 0.6
    assert figures["a"]["hits_written"].interval.value >= 1.0
    assert figures["a"]["hits_written"].holds
    assert figures["a"]["hits_control_other_written_hits"].interval.value < 0.2
    assert figures["b"]["hits_written"].interval.value == 0.0
    assert figures["b"]["hits_picture"].verdict.startswith("falls short")


def test_true_sound_strikes_when_the_film_does(tmp_path, catalogue):
    study = study_of(ClickModel(), tmp_path, catalogue=catalogue)
    sound = true_sound(study.composer, HITS, 2.0, (0, 0, 0))
    heard = [t for t, _ in find_onsets(sound)]
    assert pooled_f1(counts_of([heard], [[t for t, _ in HITS]])) > 0.7
    assert len(sound) == 32_000


def test_films_without_strikes_count_apart(tmp_path):
    still = {"hits": [], "heard": {"picture": [1.0, 2.0]}, "duration_s": 4.0}
    figures, scores = summary([still, still], 0)
    assert [f.key for f in figures] == ["false_strikes"]
    assert figures[0].interval.value == pytest.approx(0.5)
    assert scores == {}


def test_a_film_is_heard_as_the_product_hears_it(long_film):
    model = ClickModel()
    with watch(long_film, model.variant) as seen:
        assert seen.duration_s == min(Fraction(26), model.variant.window_s)
        sound = seen.sound(model, 0, hits=[(0.5, 1.0), (9.0, 1.0)])
    assert len(sound) == round(float(model.variant.window_s) * 16_000)
    assert [round(t, 1) for t, _ in find_onsets(sound)] == [0.5, 9.0]
