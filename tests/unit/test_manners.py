"""Manners: what speaks or plays unasked is made once more, and nothing else is touched."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeModel, handle
from test_dub import track

from vtacli.dub import dub
from vtacli.manners import FAMILIES, Judge, asked_for, other_seed
from vtacli.model.contract import Reference
from vtacli.model.listening import load_listener
from vtacli.model.yamnet import class_names
from vtacli.options import GenerateOptions
from vtacli.progress import Note
from vtacli.signal.media import Audio

TAGGER = Path(__file__).parents[2] / "weights" / "yamnet"
NAMES = class_names(TAGGER)
SEED = 3


class Talker(FakeModel):
    """The usual noise, and on it a steady level that stands for a voice, in the takes named."""

    def __init__(self, talks: dict[tuple[int, int], float]) -> None:
        super().__init__()
        self.talks = talks

    def _sound(self, window):
        level = self.talks.get((window.key.scene, window.key.seed), 0.0)
        data = 0.1 * super()._sound(window).data + np.float32(level)
        return Audio(data, self.variant.rate_hz)


class LevelListener:
    """Hears speech where the sound is not centred, as surely as it is off."""

    names = NAMES

    def __init__(self) -> None:
        self.seconds = 0.0

    def hear(self, sound):
        self.seconds += sound.duration_s
        patches = max(1, len(sound) // 7680)
        scores = np.zeros((patches, len(NAMES)), np.float32)
        scores[:, NAMES.index("Water")] = 0.2
        scores[:, NAMES.index("Speech")] = abs(float(sound.data.mean()))
        return scores


def made(film, tmp_path, talks, name, listener=True, **asked):
    model, ear, notes = Talker(talks), LevelListener() if listener else None, []
    result = dub(
        film,
        tmp_path / f"{name}.mkv",
        GenerateOptions(seed=SEED, **asked),
        handle(model, listener=ear),
        notes.append,
    )
    return result, track(result.output).data, [n.text for n in notes if isinstance(n, Note)], model


SECOND = 13_013
"""Where the long film's second scene begins, in ms: the name of its noise."""
FIRST, AGAIN = (SECOND, SEED), (SECOND, other_seed(SEED, SECOND))
ONCE_MORE = (SECOND, other_seed(AGAIN[1], SECOND))


def test_a_scene_that_speaks_is_made_once_more_and_others_are_as_they_were(long_film, tmp_path):
    plain, calm, _, _ = made(long_film, tmp_path, {}, "calm")
    result, sound, notes, model = made(long_film, tmp_path, {FIRST: 0.5}, "first")
    told = [n for n in notes if n.startswith("Scene 2 came out as speech (Speech, 0.5")]
    assert len(told) == 1
    assert str(AGAIN[1]) in told[0]
    cut = plain.scenes[1].span.samples(48_000).start
    assert np.array_equal(sound[:, : cut - 480], calm[:, : cut - 480])
    assert abs(sound[:, cut + 4800 :].mean()) < 0.01
    keys = [(k.key.scene, k.key.seed, k.key.window) for k in model.seen]
    assert keys[4:] == [(*AGAIN, 0), (*AGAIN, 1)]
    scenes = json.loads(json.dumps(result.to_dict()))["scenes"]
    assert scenes[0]["made_again"] is None
    assert scenes[1]["made_again"]["kept_seed"] == AGAIN[1]
    assert scenes[1]["made_again"]["heard"] == "Speech"
    once_more = made(long_film, tmp_path, {FIRST: 0.5}, "more")[1]
    assert np.array_equal(sound, once_more)


@pytest.mark.parametrize(
    ("second", "third", "kept"),
    [
        (0.4, 0.45, AGAIN),
        (0.45, 0.4, ONCE_MORE),
        (0.52, 0.8, FIRST),
        (0.8, 0.52, FIRST),
        (0.8, 0.0, ONCE_MORE),
    ],
)
def test_the_best_of_three_is_kept_and_there_is_no_fourth(long_film, tmp_path, second, third, kept):
    talks = {FIRST: 0.5, AGAIN: second, ONCE_MORE: third}
    result, sound, told, model = made(long_film, tmp_path, talks, "thrice")
    assert len(model.seen) == 8
    assert [n for n in told if "The best of 2 more takes" in n]
    off, as_it_comes, notes, _ = made(long_film, tmp_path, talks, "off", manners=False)
    assert not [n for n in notes if "Scene" in n]
    assert off.remarks.verdicts == {}
    assert np.array_equal(sound, as_it_comes) == (kept == FIRST)
    verdict = result.remarks.verdicts[1]
    assert verdict.kept == kept[1]
    assert verdict.takes == 2
    # what sings is often the recording beneath: the last take has none
    assert [w.draft for w in model.seen] == [True] * 6 + [False] * 2
    assert verdict.draft == (kept != ONCE_MORE)
    assert ("drawn from no recording" in verdict.text()) == (kept == ONCE_MORE)


def test_without_drafts_no_take_has_one(long_film, tmp_path):
    talks = {FIRST: 0.5, AGAIN: 0.5, ONCE_MORE: 0.5}
    _, _, _, model = made(long_film, tmp_path, talks, "none", draft=False)
    assert [w.draft for w in model.seen] == [False] * 8


@pytest.mark.parametrize("prompt", ["a man speaking", "children's voices far away"])
def test_what_was_asked_for_stays(long_film, tmp_path, prompt):
    result, _, _, model = made(long_film, tmp_path, {FIRST: 0.5}, "asked", prompt=prompt)
    assert len(model.seen) == 4
    assert result.remarks.verdicts == {}


def test_without_the_tagger_there_is_a_note_and_a_film(silent_film, tmp_path):
    _, sound, notes, _ = made(silent_film, tmp_path, {(0, SEED): 0.5}, "deaf", listener=False)
    assert [n for n in notes if "yamnet" in n]
    assert sound.mean() > 0.1


def test_words_that_ask():
    assert asked_for(["footsteps on gravel", "metal hit", "rock fall", "door slam"]) == frozenset()
    assert asked_for(["a woman talks on the radio"]) == {"speech"}
    assert asked_for(["soft piano music"]) == {"singing", "music"}
    assert asked_for(["guitar string pluck"]) == {"music"}
    assert asked_for(["a choir"]) == {"singing", "music"}


def scores(**of) -> np.ndarray:
    out = np.zeros(len(NAMES), np.float32)
    for name, score in of.items():
        out[NAMES.index(name)] = score
    return out


def test_the_verdict_is_a_threshold_and_a_comparison():
    judge = Judge(LevelListener())
    assert judge.verdict(scores(Speech=0.04, Water=0.03)) is None
    assert judge.verdict(scores(Speech=0.06, Water=0.03)).family == "speech"
    assert judge.verdict(scores(Speech=0.4, Water=0.5)) is None
    assert judge.verdict(scores(Speech=0.4, Water=0.1)).family == "speech"
    assert judge.verdict(scores(Speech=0.4, Water=0.1), frozenset({"speech"})) is None
    # Percussion and bells are effects as often as music.
    assert judge.verdict(scores(Drum=0.9)) is None
    assert judge.verdict(scores(Bell=0.9)) is None
    both = judge.verdict(scores(Speech=0.3, Music=0.9))
    assert (both.family, both.name) == ("music", "Music")
    assert {f.name for f in FAMILIES} == {"speech", "singing", "music"}


def test_the_real_tagger_hears_a_tune_and_no_tune():
    """Chords that ring are music; noise, knocks and a hum are not."""
    judge = Judge(load_listener(TAGGER))
    rate = 16_000
    t = np.arange(rate // 2) / rate
    tune = np.concatenate(
        [
            sum(
                np.sin(2 * np.pi * root * third * k * t) / k
                for third in (1, 1.26, 1.5)
                for k in (1, 2, 3, 4)
            )
            * np.exp(-3 * t)
            for root in (262, 330, 392, 523, 392, 330, 294, 349, 440, 587, 440, 349)
        ]
    )
    tune /= np.abs(tune).max()
    rng = np.random.default_rng(0)
    noise = rng.standard_normal(6 * rate)
    knocks = noise * np.exp(-60 * (np.arange(6 * rate) / rate % 0.7))
    hum = np.sin(2 * np.pi * 100 * np.arange(6 * rate) / rate)

    def heard(wave):
        sound = Audio((0.3 * wave[None]).astype(np.float32), rate)
        return judge.verdict(judge.listener.hear(sound).mean(axis=0))

    assert heard(tune).family == "music"
    assert all(heard(wave) is None for wave in (noise, knocks, hum))
    reference = Reference("tune", Audio((0.3 * tune[None]).astype(np.float32), rate))
    assert judge.families_in([reference]) == {"music"}
