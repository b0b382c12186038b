from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from evaluation_models import PROMPTS, ROOT, ClickModel, SilentModel, study_of, write_prompts
from toy_sounds import make_toy_sounds

from vtacli.errors import ConfigError
from vtacli.evaluation.confusion import calibration
from vtacli.evaluation.judge import Heard, distance
from vtacli.evaluation.likeness import likeness, windows_of
from vtacli.evaluation.nearness import row_of
from vtacli.evaluation.prompts import read_prompts
from vtacli.evaluation.recordings import open_catalogue
from vtacli.evaluation.silence import intruders
from vtacli.evaluation.words import Made, Real, asked, is_heard, measure
from vtacli.signal.media import Audio


@pytest.fixture(scope="module")
def toys(tmp_path_factory):
    return make_toy_sounds(tmp_path_factory.mktemp("toys"), 120)


def heard(*classes: str, names, seed=0) -> Heard:
    scores = np.full(521, 0.01)
    for i, name in enumerate(classes):
        scores[names.index(name)] = 0.9 - 0.05 * i
    return Heard(scores, np.random.default_rng(seed).random(1024), -20.0)


def test_the_shipped_prompts_are_whole_and_the_tagger_knows_their_classes():
    prompts = read_prompts()
    names = set(study_names())
    assert len(prompts) == 60
    assert sum(p.named for p in prompts) == 8
    for prompt in prompts:
        assert prompt.classes <= names, prompt


def study_names():
    from vtacli.model.yamnet import class_names

    return class_names(ROOT / "weights" / "yamnet")


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (("rain", "", "rain", 1), "row 2"),
        (("rain", "Rain", "(", 1), "row 2"),
        (("rain", "Rain", "rain", "yes"), "row 2"),
        (("", "Rain", "rain", 1), "row 2"),
    ],
)
def test_bad_prompts_are_refused_by_their_row(tmp_path, row, told):
    with pytest.raises(ConfigError, match=told):
        read_prompts(write_prompts(tmp_path / "p.csv", [row]))
    with pytest.raises(ConfigError):
        read_prompts(tmp_path / "absent.csv")


def test_a_prompt_is_heard_among_the_ten_likeliest(tmp_path):
    names = study_names()
    rain = read_prompts(write_prompts(tmp_path / "p.csv"))[0]
    nine = names[300:309]
    assert is_heard(rain, heard(*nine, "Rain", names=names), names)
    assert not is_heard(rain, heard(*nine, "Bark", "Rain", names=names), names)


def test_named_prompts_are_always_asked(tmp_path):
    study = study_of(ClickModel(), tmp_path)
    assert [p.prompt for p in asked(study)] == ["rain", "a bell"]
    study.suite = replace(study.suite, prompts=None)
    assert [p.prompt for p in asked(study)] == [p[0] for p in PROMPTS]


def test_words_are_measured_once_and_what_was_measured_is_found_again(tmp_path, toys):
    model = ClickModel()
    made = []
    sound = model.sound
    model.sound = lambda window: made.append(window.prompt) or sound(window)
    catalogue = open_catalogue([toys])
    study = study_of(model, tmp_path, catalogue=catalogue)
    first = measure(study)
    assert made == ["rain", "rain", "a bell", "a bell"]
    again = measure(study_of(model, tmp_path, catalogue=catalogue))
    assert len(made) == 4
    assert json.dumps(again.details) == json.dumps(first.details)
    assert again.figures == first.figures
    sounds = first.details["sounds"]
    assert [s["hits"] for s in sounds] == [False, True, False, True]
    assert all((tmp_path / "out" / s["sound"]).is_file() for s in sounds)
    lost = tmp_path / "out" / sounds[1]["sound"]
    lost.unlink()
    measure(study_of(model, tmp_path, catalogue=catalogue))
    assert len(made) == 5
    assert lost.is_file()
    measure(study_of(SilentModel(), tmp_path, catalogue=catalogue))
    keys = {f.key for f in first.figures}
    assert {"words", "words_real", "words_false", "named", "named_real"} <= keys
    assert {"timbre", "timbre_real", "both", "both_real"} <= keys


def test_a_perfect_listener_tells_everything_apart_whatever_its_habits():
    """One class that is always given high scores takes nothing from the others."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.arange(4), 20)
    scores = rng.normal(0, 0.3, (80, 4))
    scores[np.arange(80), truth] += 3
    scores[:, 2] += 10
    assert (scores.argmax(axis=1) == 2).all()
    mean, spread = calibration(scores, truth)
    assert (((scores - mean) / spread).argmax(axis=1) == truth).mean() > 0.97


def test_distances_know_their_own(tmp_path):
    names = study_names()
    rain, bell, _ = read_prompts(write_prompts(tmp_path / "p.csv"))
    own = [heard("Rain", names=names, seed=1) for _ in range(2)]
    far = heard("Bell", names=names, seed=2)
    made = [Made(rain, i, h, {}) for i, h in enumerate(own)]
    real = [
        Real(rain, "a", True, own[0]),
        Real(rain, "b", False, own[1]),
        Real(bell, "c", True, far),
        Real(bell, "d", False, far),
    ]
    row = row_of(rain, made, real, strict=True)
    assert row["recordings"] == ["a"]
    assert row["to_real"] == pytest.approx(0, abs=1e-9)
    assert row["real_to_real"] == pytest.approx(0, abs=1e-9)
    assert row["to_others"] == pytest.approx(distance(own[0].embedding, far.embedding))
    assert row_of(rain, made, real[2:], strict=True)["to_real"] is None


def test_the_bank_is_like_itself_and_noise_is_less_like_it():
    rng = np.random.default_rng(0)
    mel = rng.normal(-4, 2, (960, 64)).astype(np.float32)
    bank = windows_of(mel)
    mean, largest = likeness(bank, bank)
    assert mean == pytest.approx(1, abs=1e-5)
    other = likeness(windows_of(rng.normal(-4, 2, (960, 64)).astype(np.float32)), bank)
    assert other[0] < 0.5
    quiet = windows_of(np.full((960, 64), -11.5, np.float32))
    assert len(quiet) == 0
    assert likeness(quiet, bank) is None
    louder = likeness(windows_of(mel + 1.5), bank)
    assert louder[0] == pytest.approx(1, abs=1e-5)
    assert largest <= 1 + 1e-5


def test_only_sounding_stretches_speak_for_the_timbre(tmp_path):
    judge = study_of(ClickModel(), tmp_path).judge
    rng = np.random.default_rng(0)
    noise = (0.3 * rng.standard_normal(32_000)).astype(np.float32)
    alone = judge.hears(Audio(noise[None], 16_000))
    padded = judge.hears(Audio(np.pad(noise, (0, 128_000))[None], 16_000))
    assert distance(alone.embedding, padded.embedding) < 0.05
    assert padded.level_db < alone.level_db - 5
    silence = judge.hears(Audio(np.zeros((1, 16_000), np.float32), 16_000))
    assert silence.level_db == -120
    back = Heard.from_row(alone.to_row())
    assert back.likeliest(3) == alone.likeliest(3)


def test_instruments_are_no_intruders_and_songs_are():
    unwanted = intruders(study_names())
    assert {"Speech", "Music", "Jazz", "Singing"} <= unwanted
    assert not {"Bell", "Drum", "Wind", "Silence", "Dog"} & unwanted


def test_recordings_are_found_by_label_held_out_first(toys, tmp_path):
    catalogue = open_catalogue([toys])
    found = catalogue.matching("rain", 100)
    assert len(found) == 30
    assert [r.held_out for r in found] == sorted((r.held_out for r in found), reverse=True)
    library = catalogue.held_out_library(lambda event: None)
    assert library.held_out() == list(library.recordings)
    assert {r.file for r in library.recordings} == {
        r.file for r in catalogue.recordings if r.held_out
    }
    with pytest.raises(ConfigError, match="two manifests"):
        open_catalogue([toys, toys])
    with pytest.raises(ConfigError, match=r"manifest\.csv"):
        open_catalogue([tmp_path])
