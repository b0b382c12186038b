"""Blind tests for people: what is asked, what the page may know, what the answers say."""

import csv
import io
import json

import numpy as np
import pytest

from vtacli.errors import ConfigError
from vtacli.evaluation.films.page import write_page_of
from vtacli.evaluation.listening.answers import CSV_COLUMNS, Answer, read_answers, read_key
from vtacli.evaluation.listening.make import equally_loud, page_values
from vtacli.evaluation.listening.plan import MOS, PAIRS, Plan, plan_test
from vtacli.evaluation.listening.results import Preference, holm, results_of
from vtacli.evaluation.listening.tables import (
    markdown,
    opinion_rows,
    preference_rows,
    results_csv,
)
from vtacli.evaluation.metrics.levels import levels_of
from vtacli.signal.media import Audio

CLIPS = [(f"film {i}", ["model-x", "model-y", "true sound"]) for i in range(8)]


@pytest.fixture
def plan():
    return plan_test(CLIPS, seed=3)


def systems(plan, trial):
    of = {i.code: i for i in plan.items}
    return [of[c].system for c in trial.items]


def test_every_pair_and_every_sound_is_asked_for_once(plan):
    of = {i.code: i for i in plan.items}
    pairs = [t for t in plan.trials if t.kind == PAIRS]
    asked = {(of[t.items[0]].clip, *sorted(systems(plan, t))) for t in pairs}
    assert len(asked) == len(pairs) == 8 * 3
    assert all(of[t.items[0]].clip == of[t.items[1]].clip for t in pairs)
    graded = [t.items[0] for t in plan.trials if t.kind == MOS]
    assert sorted(graded) == sorted(of)
    assert [t.number for t in plan.trials] == list(range(len(plan.trials)))


def test_the_seed_decides_and_nothing_else(plan):
    assert plan_test(CLIPS, seed=3) == plan
    other = plan_test(CLIPS, seed=4)
    assert other.test != plan.test
    assert {i.code for i in other.items}.isdisjoint(i.code for i in plan.items)
    assert Plan.of_key(json.loads(json.dumps(plan.key()))) == plan


def test_sides_are_by_lot():
    many = plan_test([(f"f{i}", ["a", "b"]) for i in range(400)], PAIRS, 0)
    left = np.mean([systems(many, t)[0] == "a" for t in many.trials])
    assert 0.42 < left < 0.58
    films = [t.items[0] for t in many.trials]
    order = {i.code: int(i.clip[1:]) for i in many.items}
    assert abs(np.corrcoef([order[c] for c in films], range(400))[0, 1]) < 0.15


def test_the_page_knows_no_names(plan, tmp_path):
    page = write_page_of("listening.html", tmp_path / "p.html", {"test": page_values(plan)})
    text = page.read_text()
    for name in ("model-x", "model-y", "true sound", "film 1"):
        assert name not in text
    assert plan.items[0].code in text
    for reach in ("http:", "https:", "fetch(", "XMLHttp", "<link", "@import", "url("):
        assert reach not in text


def test_what_cannot_be_asked():
    with pytest.raises(ConfigError, match="nothing to ask"):
        plan_test([("a", ["model-x"])], PAIRS)
    with pytest.raises(ConfigError, match="What is asked"):
        plan_test(CLIPS, "essay")


def answered(plan, listener, prefer, grade):
    """Answers of somebody who prefers and grades by these functions of systems."""
    rows = []
    for trial in plan.trials:
        names = systems(plan, trial)
        given = (
            [("prefer", prefer(*names))]
            if trial.kind == PAIRS
            else [(q, str(grade(names[0]))) for q in ("quality", "meaning", "timing")]
        )
        rows += [
            {
                "trial": trial.number, "kind": trial.kind, "question": q, "answer": a,
                "items": list(trial.items), "seconds": 1.5,
            }
            for q, a in given
        ]  # fmt: skip
    return {"test": plan.test, "listener": listener, "answers": rows}


def for_true(left, right):
    return "left" if left == "true sound" else "right" if right == "true sound" else "same"


GRADES = {"true sound": 5, "model-x": 3, "model-y": 2}


def saved(folder, plan, listener, prefer=for_true, grade=GRADES.__getitem__, form="json"):
    told = answered(plan, listener, prefer, grade)
    path = folder / f"{listener}.{form}"
    if form == "json":
        path.write_text(json.dumps(told))
        return path
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, CSV_COLUMNS)
        writer.writeheader()
        for row in told["answers"]:
            named = {"test": plan.test, "listener": listener, "items": " ".join(row["items"])}
            writer.writerow({**row, **named})
    return path


def test_what_people_said_is_found_again(plan, tmp_path):
    files = [saved(tmp_path, plan, "anna"), saved(tmp_path, plan, "ben", form="csv")]
    answers = read_answers([*files, files[0]], plan)  # twice the same file changes nothing
    results = results_of(plan, answers)
    assert results.listeners == 2
    assert results.answers == results.expected == 2 * (24 + 24 * 3)
    means = {(o.system, o.question): o.mean for o in results.opinions}
    for system, grade in GRADES.items():
        mean = means[system, "quality"]
        assert (mean.value, mean.low, mean.high, mean.units) == (grade, grade, grade, 16)
    told = {(p.one, p.other): p for p in results.preferences}
    assert told["model-x", "model-y"].same == 16
    assert told["model-x", "model-y"].p is None
    won = told["model-x", "true sound"]
    assert (won.one_wins, won.other_wins, won.share) == (0, 16, 0.0)
    assert won.p == pytest.approx(2 * 0.5**16)
    rows = preference_rows(results)
    assert rows[1][:6] == ("true sound", "model-x", "16", "0", "0", "1.00")
    assert opinion_rows(results)[0][:3] == ("quality", "true sound", "5.00")
    assert len(list(csv.DictReader(io.StringIO(results_csv(results))))) == 9 + 3
    assert "| true sound | model-x | 16 | 0 |" in markdown(results)
    json.dumps(results.to_dict(), allow_nan=False)


def test_the_interval_knows_that_listeners_differ(plan, tmp_path):
    severe = saved(tmp_path, plan, "severe", grade=lambda s: 1)
    mild = saved(tmp_path, plan, "mild", grade=lambda s: 5)
    results = results_of(plan, read_answers([severe, mild], plan))
    mean = results.opinions[0].mean
    assert (mean.value, mean.low, mean.high) == (3, 1, 5)  # 24 grades, and two opinions


def test_the_binomial_test_is_the_known_one(plan):
    pairs = [t for t in plan.trials if sorted(systems(plan, t)) == ["model-x", "model-y"]]
    answers = []
    for n, trial in enumerate(pairs):
        wish = "model-x" if n < 7 else "model-y"
        side = ("left", "right")[systems(plan, trial).index(wish)]
        answers.append(Answer("anna", trial.number, "prefer", side))
    (found,) = results_of(plan, answers).preferences
    assert (found.one_wins, found.other_wins) == (7, 1)
    assert found.p == pytest.approx(2 * 9 / 256)
    assert found.p_holm == found.p


def test_holm_s_correction():
    def pair(p):
        return Preference("a", "b", 1, 1, 0, 0.5, 0, 1, p)

    assert [p.p_holm for p in holm([pair(0.04), pair(0.01), pair(None), pair(0.03)])] == [
        pytest.approx(0.06), pytest.approx(0.03), None, pytest.approx(0.06),
    ]  # fmt: skip


def test_answers_of_something_else_are_refused(plan, tmp_path):
    other = saved(tmp_path, plan_test(CLIPS, seed=9), "eve")
    with pytest.raises(ConfigError, match="another test"):
        read_answers([other], plan)
    for change in ({"answer": "6"}, {"question": "prefer"}, {"trial": 999}, {"answer": "left"}):
        told = answered(plan, "anna", for_true, GRADES.__getitem__)
        told["answers"][-1].update(change)
        path = tmp_path / "bad.json"
        path.write_text(json.dumps(told))
        with pytest.raises(ConfigError, match="none of this test"):
            read_answers([path], plan)
    for name, text in (("x.json", "[]"), ("x.csv", "a,b\n1,2\n"), ("y.json", "{")):
        (tmp_path / name).write_text(text)
        with pytest.raises(ConfigError, match="no file of answers"):
            read_answers([tmp_path / name], plan)
    with pytest.raises(ConfigError, match="no key"):
        read_key(tmp_path / "x.json")
    with pytest.raises(ConfigError, match="cannot be read"):
        read_key(tmp_path / "nowhere.json")


@pytest.mark.parametrize("level", [0.001, 0.05])
def test_all_sounds_are_equally_loud(level):
    noise = np.random.default_rng(0).normal(0, level, (2, 96_000)).astype(np.float32)
    found = levels_of(equally_loud(Audio(noise, 48_000)))
    assert found.loudness_lufs == pytest.approx(-23, abs=0.05)


def test_no_sound_is_made_to_clip_or_out_of_nothing():
    wave = np.zeros((1, 96_000), np.float32)
    wave[0, ::9600] = 0.9  # clicks, far under -23 LUFS at full scale
    assert levels_of(equally_loud(Audio(wave, 48_000))).true_peak_dbtp <= -0.9
    silence = Audio(np.zeros((1, 48_000), np.float32), 48_000)
    assert not equally_loud(silence).data.any()
