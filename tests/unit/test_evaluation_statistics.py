from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vtacli.evaluation.figures import Figure, markdown
from vtacli.evaluation.notebook import Notebook, digest, packed, unpacked
from vtacli.evaluation.statistics import (
    Interval,
    bootstrap,
    derangement,
    of_mean,
    of_median,
    of_ratio,
)


def test_intervals_cover_a_known_mean_as_often_as_they_say():
    rng = np.random.default_rng(1)
    covered = 0
    for trial in range(150):
        values = rng.normal(3.0, 2.0, 40)
        interval = bootstrap(40, lambda c, v=values: float(v[c].mean()), seed=trial, draws=400)
        covered += interval.low <= 3.0 <= interval.high
    assert 0.89 <= covered / 150 <= 0.99


def test_an_interval_is_as_wide_as_theory_says():
    values = np.random.default_rng(2).normal(0, 1, 400)
    interval = of_mean(list(values))
    expected = 2 * 1.96 * values.std() / 20
    assert interval.high - interval.low == pytest.approx(expected, rel=0.1)
    assert interval.value == pytest.approx(values.mean())
    assert interval.units == 400


def test_what_repeats_within_a_unit_makes_an_interval_no_narrower():
    rng = np.random.default_rng(3)
    prompts = rng.normal(0, 1, 12)
    sounds = np.repeat(prompts, 50)
    by_prompt = bootstrap(12, lambda c: float(np.mean([sounds[50 * i : 50 * i + 50] for i in c])))
    by_sound = of_mean(list(sounds))
    assert by_prompt.high - by_prompt.low > 3 * (by_sound.high - by_sound.low)


def test_one_unit_has_no_interval_and_none_no_value():
    assert of_mean([2.0]) == Interval(2.0, None, None, 1)
    assert math.isnan(of_mean([]).value)
    assert of_mean([]).to_dict() == {"value": None, "low": None, "high": None, "units": 0}


def test_a_ratio_of_things_measured_together_is_surer_than_its_parts():
    under = list(np.random.default_rng(4).uniform(0.1, 1, 30))
    over = [0.5 * v for v in under]
    interval = of_ratio(over, under)
    assert (interval.value, interval.low, interval.high) == pytest.approx((0.5, 0.5, 0.5))
    with pytest.raises(ValueError, match="29"):
        of_ratio(over, under[1:])


def test_equal_seeds_give_equal_intervals():
    values = [1.0, 2.0, 4.0, 8.0]
    assert of_median(values, seed=5) == of_median(values, seed=5)


@given(st.integers(2, 40), st.integers(0, 1000))
def test_in_a_derangement_nothing_stays(count, seed):
    order = derangement(count, np.random.default_rng(seed))
    assert sorted(order) == list(range(count))
    assert all(i != j for i, j in enumerate(order))


def test_one_thing_cannot_be_deranged():
    with pytest.raises(ValueError, match="one thing"):
        derangement(1, np.random.default_rng(0))


@pytest.mark.parametrize(
    ("interval", "more", "verdict"),
    [
        (Interval(0.8, 0.75, 0.9, 9), True, "holds"),
        (Interval(0.8, 0.65, 0.9, 9), True, "holds?"),
        (Interval(0.6, 0.5, 0.69, 9), True, "falls short"),
        (Interval(0.6, 0.5, 0.75, 9), True, "falls short?"),
        (Interval(1.1, 1.0, 1.2, 9), True, "reaches goal"),
        (Interval(1.1, 1.0, 1.2, 9), False, "falls short"),
        (Interval(math.nan, None, None, 0), True, "falls short"),
        (Interval(0.8, None, None, 1), True, "holds"),
    ],
)
def test_verdicts(interval, more, verdict):
    figure = Figure("f", "f", interval, 0.7, 1.0, more)
    assert figure.verdict == verdict
    assert figure.holds == (verdict in ("holds", "holds?", "reaches goal"))


def test_what_nothing_is_asked_of_has_no_verdict():
    figure = Figure("f", "a | b", Interval(0.5, None, None, 1))
    assert figure.holds is None
    assert figure.verdict == ""
    lines = markdown([figure]).splitlines()
    assert len(lines) == 3
    assert len({line.replace("\\|", "").count("|") for line in lines}) == 1


def test_a_notebook_measures_once_and_survives_a_cut(tmp_path):
    asked = []

    def measure():
        asked.append(1)
        return {"value": len(asked)}

    book = Notebook(tmp_path, "s", "key")
    assert book.measured("a", measure) == book.measured("a", measure) == {"value": 1}
    book.measured("b", measure)
    text = book.path.read_text()
    book.path.write_text(text[:-5])
    again = Notebook(tmp_path, "s", "key")
    assert again.measured("a", measure) == {"value": 1}
    assert again.measured("b", measure) == {"value": 3}
    assert Notebook(tmp_path, "s", "key").rows == {"a": {"value": 1}, "b": {"value": 3}}
    assert Notebook(tmp_path, "s", "other").rows == {}


def test_a_notebook_makes_lost_files_again(tmp_path):
    file = tmp_path / "sound"

    def measure():
        file.write_text("x")
        return {}

    book = Notebook(tmp_path, "s", "key")
    book.measured("a", measure, (file,))
    file.unlink()
    book.measured("a", measure, (file,))
    assert file.is_file()


def test_vectors_are_kept_in_text():
    vector = np.random.default_rng(0).normal(0, 1, 1024)
    assert np.abs(unpacked(packed(vector)) - vector).max() < 2e-3
    assert digest([1, {"a": 2}]) == digest([1, {"a": 2}]) != digest([1, {"a": 3}])
