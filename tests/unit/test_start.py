"""Where sampling begins: blows at their moments, as strong as they are, over what lasts."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.draft import BED, HIT, Bank, Placement, lay, struck
from vtacli.model.mini.start import (
    BENEATH_DB,
    EVEN,
    MOST_DB,
    beneath,
    levelled,
    once,
    settled,
    struck_start,
    together,
)

MODEL = Path("weights/vta-mini")
STEP_S = 0.08


@pytest.fixture(scope="module")
def codec():
    torch.set_num_threads(1)
    return MelCodec.from_pretrained(MODEL / "vae").float().eval()


@pytest.fixture(scope="module")
def bank():
    return Bank.load(MODEL / "encoder" / "bank.safetensors")


@pytest.fixture(scope="module")
def blow(bank):
    """A short, loud blow: a door knock of the bank."""
    found = [
        i
        for i in range(len(bank))
        if bank.kinds[i] == HIT and "knock" in bank.label(i) and bank.ends[i] - bank.starts[i] <= 12
    ]
    return found[0]


def levels(codec, latents):
    """(frames,) dB of the decoded mel, every 10 ms."""
    with torch.no_grad():
        mel = codec.reconstruct(codec.raw(latents[None, :, :, None]))[0, 0].numpy()
    return 10 * np.log10(np.exp(2 * mel).sum(axis=1))


def attack_s(level):
    """The first moment at which the level has come within 10 dB of its largest."""
    return int(np.argmax(level > level.max() - 10)) / 100


@pytest.mark.parametrize("at_s", [2.0, 2.02, 2.035, 2.05, 2.07])
def test_a_blow_is_where_it_is_asked_for_and_not_on_the_grid(codec, bank, blow, at_s):
    begun = struck_start(bank, [Placement(blow, at_s, 4.0)], [(at_s, 1.0)], codec, 128, STEP_S)
    assert abs(attack_s(levels(codec, begun)) - at_s) <= 0.03


def test_the_draft_itself_is_up_to_half_a_step_off(codec, bank, blow):
    off = [
        attack_s(levels(codec, lay(bank, [Placement(blow, t, 4.0)], 128, STEP_S))) - t
        for t in (2.0, 2.02, 2.035, 2.05, 2.07)
    ]
    assert max(off) - min(off) > 0.05  # which is why blows are laid anew


def test_blows_are_as_strong_as_they_are_written(codec, bank, blow):
    placed = [Placement(blow, 2.0, 4.0), Placement(blow, 6.0, 8.0)]
    level = levels(codec, struck_start(bank, placed, [(2.0, 1.0), (6.0, 0.25)], codec, 128, STEP_S))
    difference = level[195:240].max() - level[595:640].max()
    assert difference == pytest.approx(12, abs=3)


def test_a_bed_goes_on_beneath_blows(codec, bank, blow):
    bed = next(i for i in range(len(bank)) if bank.kinds[i] == BED and bank.label(i) == "rain")
    alone = [Placement(bed, 0.0, 10.24)]
    both = [*alone, Placement(blow, 2.0, 4.0)]
    with_blow = levels(codec, struck_start(bank, both, [(2.0, 0.05)], codec, 128, STEP_S))
    without = levels(codec, lay(bank, alone, 128, STEP_S))
    down = without[300:900] - with_blow[300:900]
    assert down.mean() == pytest.approx(MOST_DB, abs=2)  # for so weak a blow, as far as may be
    assert down.std() < 2  # the same bed


def test_a_blow_stands_out_from_its_bed(codec, bank, blow):
    bed = next(i for i in range(len(bank)) if bank.kinds[i] == BED and bank.label(i) == "rain")
    both = [Placement(bed, 0.0, 10.24), Placement(blow, 2.0, 4.0)]
    level = levels(codec, struck_start(bank, both, [(2.0, 0.9)], codec, 128, STEP_S))
    assert level[195:230].max() > np.percentile(level[300:900], 90) + BENEATH_DB - 3


def test_a_bed_that_is_soft_enough_stays_as_it_is():
    bed = np.full((100, 64), -4.0, np.float32)
    level = 10 * np.log10(64 * np.exp(-8))
    assert np.array_equal(beneath(bed, level + BENEATH_DB + 1), bed)
    turned = beneath(bed, level + BENEATH_DB - 6)
    assert 20 / np.log(10) * (bed - turned) == pytest.approx(6, abs=1e-3)
    assert beneath(np.full((9, 64), -11.5, np.float32), 20.0).min() >= -11.52


def test_what_leads_up_to_a_blow_for_long_is_left_out(codec, bank):
    late = max((i for i in range(len(bank)) if bank.kinds[i] == HIT), key=lambda i: bank.lead_s[i])
    assert bank.lead_s[late] > 1
    placed = [struck(bank, late, 4.0, 8.0)]
    level = levels(codec, struck_start(bank, placed, [(4.0, 1.0)], codec, 128, STEP_S))
    assert level[:370].max() < level[395:450].max() - 40
    whole = [Placement(late, 4.0, 8.0)]
    level = levels(codec, struck_start(bank, whole, [(4.0, 1.0)], codec, 128, STEP_S))
    assert level[:370].max() > level[395:450].max() - 40


def test_a_blow_ends_where_the_next_one_begins(codec, bank):
    long = next(
        i for i in range(len(bank)) if bank.kinds[i] == HIT and bank.ends[i] - bank.starts[i] > 20
    )
    short = levels(
        codec, struck_start(bank, [Placement(long, 2.0, 2.5)], [(2.0, 1.0)], codec, 128, STEP_S)
    )
    assert short[275:320].max() < short[200:250].max() - 25


def test_powers_add():
    equal = np.zeros((1, 1), np.float32)
    assert together(equal, equal)[0, 0] == pytest.approx(0.5 * np.log(2))
    assert together(equal, equal - 20)[0, 0] == pytest.approx(0.0, abs=1e-6)


def test_what_lies_outside_of_the_window_is_left_out(codec, bank, blow):
    placed = [Placement(blow, 0.0, 1.0), Placement(blow, 10.2, 10.24), Placement(blow, 11.0, 12.0)]
    strengths = [(p.at_s, 1.0) for p in placed]
    begun = struck_start(bank, placed, strengths, codec, 128, STEP_S)
    assert begun.shape == (bank.values.shape[1], 128)
    assert torch.isfinite(begun).all()
    assert attack_s(levels(codec, begun)) < 0.05


def test_what_happens_in_a_bed_is_no_blow(codec, bank, blow):
    bed = next(
        i
        for i in range(len(bank))
        if bank.kinds[i] == BED and bank.label(i) == "steel balls plastic"
    )
    both = [Placement(bed, 0.0, 10.24), Placement(blow, 2.0, 4.0)]
    begun = struck_start(bank, both, [(2.0, 0.05)], codec, 128, STEP_S)
    unsteady = levels(codec, lay(bank, both[:1], 128, STEP_S))[300 : 900 - EVEN]
    even = levels(codec, begun)[300 : 900 - EVEN]
    assert np.abs(np.diff(even)).max() < 0.5 * np.abs(np.diff(unsteady)).max()


def test_a_blow_is_one_blow():
    decay = np.linspace(0, -6, 60, dtype=np.float32)[:, None].repeat(4, axis=1)
    assert once(decay) == 60
    twice = np.concatenate([decay[:30], decay[:30]])
    assert once(twice) in (29, 30)
    swelling = decay.copy()
    swelling[20:] += np.linspace(0, 4, 40, dtype=np.float32)[:, None]
    assert once(swelling) == 60
    assert once(decay[:3]) == 3


def test_what_follows_a_blow_is_heard_beneath_it():
    decay = np.linspace(0, -6, 60, dtype=np.float32)[:, None].repeat(4, axis=1)
    assert np.array_equal(settled(decay, 0), decay)
    shards = np.concatenate([decay[:30] - 20, decay[:30], decay[:30] - 0.5])
    quiet = settled(shards, 30)
    assert len(quiet) == len(shards)
    assert np.array_equal(quiet[:57], shards[:57])  # the blow stays as it is
    loudest_db = 20 / np.log(10) * (quiet[60:].max() - quiet[30:].max())
    assert loudest_db == pytest.approx(-15, abs=0.1)
    falls = np.diff(quiet[60:, 0]) - np.diff(shards[60:, 0])
    assert np.abs(falls).max() < 1e-4  # with its own course
    assert np.array_equal(settled(quiet, 30), quiet)  # nothing there is another blow


def test_a_bed_in_which_little_happens_is_left_as_it_is():
    rng = np.random.default_rng(0)
    even = rng.normal(0, 0.05, (400, 16)).astype(np.float32)
    assert np.array_equal(levelled(even), even)
    eventful = even.copy()
    for at in range(20, 380, 40):
        eventful[at : at + 4] += 2.0  # 17 dB
    left = levelled(eventful)
    assert left[50:350].std(axis=0).mean() < 0.25 * eventful[50:350].std(axis=0).mean()
    assert left.mean() == pytest.approx(eventful.mean(), abs=0.01)
