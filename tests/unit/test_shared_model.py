"""One model for many films: merged calls, fair order, nobody's error but one's own."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from fakes import FAKE, FakeModel

from vtacli.batch.shared_model import Cancelled, SharedModel
from vtacli.errors import DeviceError
from vtacli.model.contract import NoiseKey, Reference, Sampling, WindowContent
from vtacli.signal.media import Audio, Frames

FRAMES = Frames(np.zeros((1, 3, 32, 32), np.uint8), np.zeros(1))


def window(film, number=0, **more):
    return WindowContent(FRAMES, 5.0, NoiseKey(film, 0, number), **more)


class Gated(FakeModel):
    """Waits before its first call until the gate is open, and fails where ``bad`` is among the
    windows' seeds."""

    def __init__(self, bad=()):
        super().__init__()
        self.gate = threading.Event()
        self.entered = threading.Event()
        self.bad = set(bad)
        self.calls = []

    def generate(self, windows, sampling, on_step=None):
        self.entered.set()
        assert self.gate.wait(30)
        self.calls.append([(w.key.seed, w.key.window) for w in windows])
        if self.bad & {w.key.seed for w in windows}:
            raise DeviceError("out of memory.")
        return super().generate(windows, sampling, on_step)


def ask_all(shared, model, questions):
    """Ask every question from a thread of its own, in this order, while the first call is held."""
    answers = {}

    def ask(name, windows, sampling):
        try:
            answers[name] = shared.generate(windows, sampling)
        except Exception as error:
            answers[name] = error

    threads = []
    for name, (windows, sampling) in questions.items():
        thread = threading.Thread(target=ask, args=(name, windows, sampling))
        thread.start()
        threads.append(thread)
        if len(threads) == 1:
            assert model.entered.wait(30)
            continue
        waiting = sum(len(w) for w, _ in list(questions.values())[1 : len(threads)])
        while len(shared._waiting) < waiting:
            time.sleep(0.001)
    model.gate.set()
    for thread in threads:
        thread.join(30)
    return answers


def test_windows_of_several_films_are_merged_and_each_gets_its_own():
    model = Gated()
    with SharedModel([lambda: model], 4) as shared:
        asked = {f: ([window(f, n) for n in range(2)], Sampling(steps=3)) for f in range(6)}
        answers = ask_all(shared, model, asked)
    sizes = [len(call) for call in model.calls]
    assert sizes == [2, 4, 4, 2]
    assert shared.counts.films == 2
    alone = FakeModel()
    for film, (windows, sampling) in asked.items():
        for got, own in zip(answers[film], alone.generate(windows, sampling), strict=True):
            assert np.array_equal(got.data, own.data)


def test_only_windows_that_are_sampled_alike_share_a_call():
    model = Gated()
    with SharedModel([lambda: model], 8) as shared:
        ask_all(
            shared,
            model,
            {f: ([window(f)], Sampling(steps=3 + f % 2)) for f in range(6)},
        )
    assert model.calls == [[(0, 0)], [(1, 0), (3, 0), (5, 0)], [(2, 0), (4, 0)]]


def test_who_came_first_is_served_first_and_a_long_question_is_cut():
    model = Gated()
    with SharedModel([lambda: model], 2) as shared:
        long = [window(1, n) for n in range(5)]
        ask_all(
            shared,
            model,
            {0: ([window(0)], Sampling()), 1: (long, Sampling()), 2: ([window(2)], Sampling())},
        )
    assert [w for call in model.calls[1:] for w in call] == [(1, n) for n in range(5)] + [(2, 0)]


def test_an_error_of_a_shared_call_is_only_theirs_for_whom_it_comes_again():
    model = Gated(bad=[2])
    with SharedModel([lambda: model], 4) as shared:
        answers = ask_all(shared, model, {f: ([window(f)], Sampling()) for f in range(4)})
    assert isinstance(answers[2], DeviceError)
    assert all(isinstance(answers[f], list) for f in (0, 1, 3))


def test_a_question_that_is_called_off_leaves_the_others_alone():
    model = FakeModel(seconds_per_window=0.05)
    heard = []

    def stop(done, steps):
        raise KeyError("gone")

    with SharedModel([lambda: model], 4) as shared:
        results = {}

        def other():
            results[1] = shared.generate([window(1)], Sampling(), lambda *s: heard.append(s))

        thread = threading.Thread(target=other)
        thread.start()
        with pytest.raises(KeyError):
            shared.generate([window(0)], Sampling(), stop)
        thread.join(30)
    assert len(results[1]) == 1
    assert heard[-1] == (3, 3)


def test_steps_are_told_of_a_whole_question():
    heard = []
    with SharedModel([FakeModel], 2) as shared:
        shared.generate([window(0, n) for n in range(4)], Sampling(), lambda *s: heard.append(s))
    shares = [done / steps for done, steps in heard]
    assert shares == sorted(shares)
    assert shares[-1] == 1


def test_lanes_share_out_what_waits_and_change_nothing():
    models = [Gated(), Gated()]
    makers = iter(models)
    with SharedModel([lambda: next(makers)] * 2, 4) as shared:
        for model in models:
            model.gate.set()
        windows = [window(3, n) for n in range(8)]
        sounds = shared.generate(windows, Sampling())
    assert all(
        np.array_equal(a.data, b.data)
        for a, b in zip(sounds, FakeModel().generate(windows, Sampling()), strict=True)
    )
    assert sum(len(call) for m in models for call in m.calls) == 8


def test_a_model_that_does_not_load_is_said_at_once():
    def fail():
        raise DeviceError("no such device.")

    with pytest.raises(DeviceError, match="no such device"):
        SharedModel([FakeModel, fail], 4)


def test_after_the_end_nobody_waits_for_ever():
    model = Gated()
    shared = SharedModel([lambda: model], 4)
    ended = []

    def ask():
        try:
            shared.generate([window(1)], Sampling())
        except Cancelled:
            ended.append(True)

    first = threading.Thread(target=lambda: shared.generate([window(0)], Sampling()))
    first.start()
    assert model.entered.wait(30)
    second = threading.Thread(target=ask)
    second.start()
    while not shared._waiting:
        time.sleep(0.001)
    shared.close()
    second.join(30)
    model.gate.set()
    first.join(30)
    assert ended == [True]


def test_references_from_elsewhere_are_one_object_where_they_are_one_sound():
    model = FakeModel()
    with SharedModel([lambda: model], 4) as shared:
        for loud in (0.5, 0.5, 0.25):
            sound = Audio(np.full((1, 8), loud, np.float32), FAKE.rate_hz)
            shared.generate([window(0, references=(Reference("door", sound),))], Sampling())
    first, again, other = (w.references[0] for w in model.seen)
    assert first is again
    assert first is not other
