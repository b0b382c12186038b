"""The shipped model does what the README says of it. Real weights, real sampling."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vtacli.model.contract import NoiseKey, Sampling, WindowContent
from vtacli.model.loading import load_model
from vtacli.model.yamnet import Yamnet, class_names
from vtacli.signal.media import Curve, Frames
from vtacli.signal.onsets import find_onsets
from vtacli.training.score import f1, hit_counts

ROOT = Path(__file__).parents[2]
MODEL, TAGGER = ROOT / "weights" / "vta-mini", ROOT / "weights" / "yamnet"
NOTHING_SEEN = Frames(np.zeros((0, 3, 224, 224), np.uint8), np.zeros(0))
STRIKES = (1.0, 2.6, 4.2, 5.8, 7.4, 9.0)


@pytest.fixture(scope="module")
def model():
    return load_model(MODEL, device="cpu")


def window(seed=0, *, frames=NOTHING_SEEN, **asked) -> WindowContent:
    return WindowContent(frames, 10.24, NoiseKey(seed, 0, 0), **asked)


def test_no_file_is_too_large_for_the_history():
    sizes = {f: f.stat().st_size for f in (ROOT / "weights").rglob("*") if f.is_file()}
    assert max(sizes.values()) < 32 * 1024**2
    assert sum(s for f, s in sizes.items() if MODEL in f.parents) < 64 * 1000**2


def test_the_same_window_sounds_the_same_in_any_company(model):
    asked = [window(s, prompt=p) for s, p in ((1, "rain"), (2, "bell"), (3, "dog bark"))]
    steps = Sampling(steps=3)
    alone = [model.generate([w], steps)[0].data for w in asked]
    together = [s.data for s in model.generate(asked, steps)]
    for a, b in zip(alone, together, strict=True):
        assert np.array_equal(a, b)
    assert not np.array_equal(alone[0], alone[1])


def test_written_hits_are_heard_where_they_are_written(model):
    """F1 of the onsets against the written hits, and against hits that were not written."""
    hits = tuple((t, 0.9) for t in STRIKES)
    right, wrong = [], []
    for seed, prompt in enumerate(("wood hit", "door slam", "metal hit", "footsteps on gravel")):
        sound = model.generate([window(seed, prompt=prompt, hits=hits)], Sampling())[0]
        heard = [t for t, s in find_onsets(sound) if s > 0.3]
        right.append(hit_counts(heard, STRIKES))
        wrong.append(hit_counts(heard, [t + 0.7 for t in STRIKES]))
    assert f1(right) > 0.6
    assert f1(wrong) < 0.35


def test_strikes_in_the_picture_are_heard(model):
    times = np.arange(0, 10.24, 0.04)
    motion = np.zeros((len(times), 2), np.float32)
    for t in STRIKES:
        motion[np.abs(times - t).argmin()] = (0.02, 0.9)
    seen = window(prompt="wood hit", motion=Curve(times, motion))
    heard = np.array([t for t, s in find_onsets(model.generate([seen], Sampling())[0]) if s > 0.3])
    assert sum(np.abs(heard - t).min(initial=9) <= 0.1 for t in STRIKES) >= 4


def test_words_change_what_is_heard(model):
    tagger, names = Yamnet.from_folder(TAGGER), class_names(TAGGER)

    def likeliest(prompt: str) -> list[str]:
        hits = tuple((t, 0.9) for t in STRIKES)
        sound = model.generate([window(prompt=prompt, hits=hits)], Sampling())[0]
        with torch.no_grad():
            scores = tagger(torch.from_numpy(sound.data[0])).scores[0].mean(dim=0)
        return [names[i] for i in scores.argsort(descending=True)[:10]]

    assert "Dog" in likeliest("dog barking")
    assert "Dog" not in likeliest("heavy rain")


def test_a_still_black_film_is_silent(model):
    black = Frames(np.zeros((20, 3, 224, 224), np.uint8), np.arange(20) / 2)
    times = np.arange(0, 10.24, 0.04)
    still = Curve(times, np.zeros((len(times), 2), np.float32))
    sound = model.generate([window(frames=black, motion=still)], Sampling())[0]
    assert not sound.data.any()
    # Asked for, it is heard all the same.
    asked = window(frames=black, motion=still, prompt="heavy rain")
    assert np.abs(model.generate([asked], Sampling(steps=4))[0].data).max() > 0.001
