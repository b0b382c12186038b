"""What a sample of a run is follows from (seed, number): no process, pause or share moves it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
import torch
from tiny_ldm import clips, smoke

from vtacli.model.encoders.features import WindowFeatures
from vtacli.training.ldm.order import Order, Shares, draw
from vtacli.training.ldm.recipe import DataPart, PretrainPart
from vtacli.training.ldm.samples import shown


def recipe(**data):
    return replace(smoke("text"), data=DataPart(**data), seed=4)


def test_an_epoch_has_every_example_once_in_an_order_of_its_own():
    order = Order(1, 7)
    epochs = [[order(n) for n in range(7 * e, 7 * e + 7)] for e in range(6)]
    assert all(sorted(epoch) == list(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) > 3
    assert Order(1, 7)(20) == epochs[2][6]
    assert [Order(2, 7)(n) for n in range(7)] != epochs[0]


@pytest.mark.parametrize(("batch", "accumulate", "processes"), [(8, 1, 1), (2, 4, 1), (2, 2, 2)])
def test_a_step_has_the_same_samples_however_they_are_shared_out(batch, accumulate, processes):
    shares = Shares(batch, accumulate, processes)
    for step in (0, 3):
        numbers = [
            n
            for turn in range(accumulate)
            for process in range(processes)
            for n in shares.numbers(step, turn, process)
        ]
        assert sorted(numbers) == list(range(8 * step, 8 * step + 8))


def test_shares_are_kept_and_one_changed_share_changes_nothing_else():
    made = recipe(modes={"both": 3.0, "words": 1.0}, drop=0.25, concatenate=0.5)
    order = Order(4, 10)
    drawn = [draw(made, order, n, 0) for n in range(4000)]
    assert 0.22 < sum(d.dropped for d in drawn) / 4000 < 0.28
    assert 0.46 < sum(d.joined is not None for d in drawn) / 4000 < 0.54
    modes = Counter(d.mode for d in drawn)
    assert 0.71 < modes["both"] / 4000 < 0.79
    assert all(0.25 <= d.cut < 0.75 for d in drawn)
    assert min(d.timestep for d in drawn) < 10
    assert max(d.timestep for d in drawn) > 989
    more = replace(made, data=replace(made.data, drop=0.5))
    again = [draw(more, order, n, 0) for n in range(4000)]
    assert [replace(d, dropped=False) for d in drawn] == [replace(d, dropped=False) for d in again]


def test_pretraining_has_modes_of_its_own_for_its_steps():
    made = replace(recipe(modes={"both": 1.0}), pretrain=PretrainPart(steps=5))
    order = Order(4, 10)
    assert {draw(made, order, n, 4).mode for n in range(50)} == {"words"}
    assert {draw(made, order, n, 5).mode for n in range(50)} == {"both"}


def test_one_of_both_is_dropped_as_often_as_asked():
    made = recipe(modes={"both": 1.0}, drop_picture=0.3, drop_words=0.5)
    order = Order(4, 10)
    modes = Counter(draw(made, order, n, 0).mode for n in range(4000))
    assert 0.26 < modes["words"] / 4000 < 0.34
    assert 0.31 < modes["picture"] / 4000 < 0.39


def test_a_window_shows_what_its_mode_says_or_what_it_has():
    row = clips(1, words=16)[0].features
    assert shown(row, "picture").words is None
    assert shown(row, "words").picture is None
    both = shown(row, "both")
    assert both.words is row.words
    assert both.picture is row.picture
    silent = clips(1)[0].features
    assert shown(silent, "words").picture is silent.picture
    unseen = WindowFeatures(words=row.words)
    assert torch.equal(shown(unseen, "picture").words, row.words)
    assert shown(WindowFeatures(), "both") is None
