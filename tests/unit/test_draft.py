"""Drafts: recordings laid where they should sound, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from vtacli.model.mini.choice import choose, strikes_of_onsets
from vtacli.model.mini.draft import (
    BED,
    HIT,
    LEAD_IN_S,
    PASSAGE,
    Bank,
    Placement,
    alone,
    lay,
    rows_of,
    struck,
)
from vtacli.signal.control import onset_curve
from vtacli.signal.nature import Stretch

STEP_S = 0.08


def bank_of_three() -> Bank:
    """A hit of 3 steps (value 10), a bed of 5 (20) and a passage of 40 (30); silence is 1."""
    values = np.concatenate([np.full((3, 2), 10), np.full((5, 2), 20), np.full((40, 2), 30)])
    return Bank(
        values=values.astype(np.int8),
        scale=np.ones(2, np.float32),
        starts=np.array([0, 3, 8]),
        ends=np.array([3, 8, 48]),
        kinds=np.array([HIT, BED, PASSAGE]),
        lead_s=np.zeros(3, np.float32),
        label_of=np.array([0, 1, 2]),
        labels=("knock", "rain", "footsteps"),
        silence=np.ones(2, np.float32),
    )


def test_silence_where_nothing_is_laid():
    assert torch.equal(lay(bank_of_three(), [], 128, STEP_S), torch.ones(2, 128))


def test_a_hit_covers_its_own_steps_only():
    draft = lay(bank_of_three(), [Placement(0, 0.8, 10.24)], 128, STEP_S)[0]
    assert draft[10:13].tolist() == [10, 10, 10]
    assert set(draft[:10].tolist()) | set(draft[13:].tolist()) == {1}


def test_the_next_hit_ends_the_one_before():
    draft = lay(bank_of_three(), [Placement(0, 0.0, 0.08), Placement(2, 0.08, 0.24)], 8, STEP_S)[0]
    assert draft.tolist() == [10, 30, 30, 1, 1, 1, 1, 1]


def test_a_bed_loops_and_hits_lie_on_it():
    draft = lay(bank_of_three(), [Placement(1, 0, 10.24), Placement(0, 1.6, 10)], 128, STEP_S)[0]
    assert (draft[:20] == 20).all()
    assert (draft[20:23] == 10).all()
    assert (draft[23:] == 20).all()


def test_a_lead_before_the_window_is_cut_not_moved():
    bank = bank_of_three()
    bank.lead_s[0] = 0.16
    draft = lay(bank, [Placement(0, 0.08, 10.24)], 8, STEP_S)[0]
    assert draft.tolist() == [10, 10, 1, 1, 1, 1, 1, 1]


def test_what_leads_up_to_a_blow_is_short_where_it_is_struck_and_whole_where_it_is_not():
    bank = bank_of_three()
    bank.lead_s[2] = 2.4  # 30 of its 40 steps come before the blow
    under = struck(bank, 2, 4.0, 10.24)
    assert under.from_s == pytest.approx(2.4 - LEAD_IN_S)
    laid = (lay(bank, [under], 128, STEP_S)[0] == 30).nonzero().flatten().tolist()
    assert laid == list(range(48, 60))  # the blow at step 50 = 4.0 s
    by_itself = alone(bank, 2, 10.24)
    laid = (lay(bank, [by_itself], 128, STEP_S)[0] == 30).nonzero().flatten().tolist()
    assert len(laid) == 40
    assert alone(bank, 0, 10.24).at_s == 0.5


@given(
    start_s=st.floats(0, 9),
    lead_s=st.floats(0, 2),
    more_s=st.floats(0.05, 3),
    extra=st.integers(1, 3),
)
def test_a_stretch_is_read_from_its_attack_on_and_counted_from_there(
    start_s, lead_s, more_s, extra
):
    end_s = start_s + lead_s + more_s
    steps = int(np.ceil(end_s / STEP_S)) + extra
    stretch = Stretch(HIT, start_s, end_s, lead_s, ())
    first, end, lead = rows_of(stretch, STEP_S, steps)
    assert 0 <= first < end <= steps
    assert first * STEP_S + lead == pytest.approx(start_s + lead_s, abs=1e-6)  # nothing is moved
    assert lead >= min(0.01, start_s + lead_s) - 1e-9  # and no attack lies before what is read
    assert first * STEP_S <= start_s + STEP_S / 2 + 1e-9


def test_the_bank_comes_back_from_its_file(tmp_path: Path):
    bank = bank_of_three()
    bank.save(tmp_path / "bank.safetensors")
    again = Bank.load(tmp_path / "bank.safetensors")
    assert again.labels == bank.labels
    for name in ("values", "scale", "starts", "ends", "kinds", "lead_s", "label_of", "silence"):
        assert np.array_equal(getattr(again, name), getattr(bank, name)), name
    assert (again.label(2), again.file(2)) == ("footsteps", None)


def test_a_bank_that_knows_its_files_keeps_them(tmp_path: Path):
    named = replace(bank_of_three(), files=("a.wav", "b.flac"), file_of=np.array([0, 1, 1]))
    named.save(tmp_path / "bank.safetensors")
    again = Bank.load(tmp_path / "bank.safetensors")
    assert [again.file(i) for i in range(3)] == ["a.wav", "b.flac", "b.flac"]
    assert again.whole.tolist() == [True, True, False]
    assert again.typicality is None


def test_a_bank_keeps_how_typical_its_entries_are(tmp_path: Path):
    replace(bank_of_three(), typicality=np.array([0.5, 0.1, -0.2], np.float32)).save(
        tmp_path / "bank.safetensors"
    )
    said = Bank.load(tmp_path / "bank.safetensors").typicality
    assert said is not None
    assert said.tolist() == pytest.approx([0.5, 0.1, -0.2])


def chosen(said, strikes=(), seed=0, bank=None, **how):
    vectors = np.eye(3, dtype=np.float32)
    rng = np.random.default_rng(seed)
    asked = np.array(said, np.float32)
    return choose(bank or bank_of_three(), vectors, asked, strikes, 10.24, rng, **how)


def test_what_was_said_decides():
    strikes = [(1.0, 1.0), (3.0, 0.5)]
    assert [(p.recording, p.at_s) for p in chosen([1, 0, 0], strikes)] == [(0, 1.0), (0, 3.0)]
    assert [p.recording for p in chosen([0, 1, 0], strikes)] == [1]
    assert [p.recording for p in chosen([0, 0, 1], strikes)] == [2]


def test_rain_is_not_struck_by_what_moves_in_it_but_may_be_by_an_editor():
    strikes = [(1.0, 1.0), (3.0, 0.5)]
    mostly_rain = [0.83, 1, 0]
    assert [p.recording for p in chosen(mostly_rain, strikes, written=False)] == [1]
    assert [p.recording for p in chosen(mostly_rain, strikes, written=True)] == [1, 0, 0]


def test_beneath_blows_lies_only_what_is_mostly_a_bed():
    strikes = [(1.0, 1.0), (3.0, 0.5)]
    blows_that_ring = [0.98, 1, 0]  # as like a bed as a blow
    assert [p.recording for p in chosen(blows_that_ring, strikes)] == [1, 0, 0]
    many_blows = replace(
        bank_of_three(),
        starts=np.array([0, 3, 8, 0, 0]),
        ends=np.array([3, 8, 48, 3, 3]),
        kinds=np.array([HIT, BED, PASSAGE, HIT, HIT]),
        lead_s=np.zeros(5, np.float32),
        label_of=np.array([0, 1, 2, 0, 0]),
    )
    struck = chosen(blows_that_ring, strikes, bank=many_blows)
    assert {many_blows.kinds[p.recording] for p in struck} == {HIT}
    assert [p.recording for p in chosen(blows_that_ring, [], bank=many_blows)][:1] == [1]


def long_bed(length: int, lead_s: float) -> Bank:
    """One bed whose only channel that differs counts its steps."""
    bank = bank_of_three()
    values = np.zeros((length, bank.values.shape[1]), np.int8)
    values[:, 0] = np.arange(length)
    return replace(
        bank,
        values=values,
        scale=np.ones_like(bank.scale),
        starts=np.zeros(1, np.int64),
        ends=np.array([length]),
        kinds=np.array([BED]),
        lead_s=np.array([lead_s], np.float32),
        label_of=np.zeros(1, np.int64),
    )


@pytest.mark.parametrize("length", [7, 50, 128])
def test_a_bed_goes_on_where_the_window_before_left_it(length):
    bank = long_bed(length, 1.6)
    first, later = (
        lay(bank, [Placement(0, 0.0, 10.24, since_s=since_s)], 128, STEP_S)[0]
        for since_s in (0.0, 100 * STEP_S)
    )
    assert torch.equal(first[100:], later[:28])
    assert torch.equal(first[:length], torch.arange(length).float())
    if length == 128:  # what swells in the beginning swells once
        assert later[28:].tolist() == list(range(20, 120))


def test_a_blow_that_rings_for_long_is_not_looped():
    slams = np.array([HIT] * 9 + [BED])
    bank = replace(
        bank_of_three(),
        starts=np.zeros(10, np.int64),
        ends=np.full(10, 3),
        kinds=slams,
        lead_s=np.zeros(10, np.float32),
        label_of=np.zeros(10, np.int64),
    )
    assert [bank.kinds[p.recording] for p in chosen([1, 0, 0], bank=bank)] == [HIT]


def test_passages_follow_each_other_where_nothing_says_when():
    placed = chosen([0, 0, 1])
    assert len(placed) > 1
    assert {p.recording for p in placed} == {2}
    assert all(a.until_s < b.at_s for a, b in pairwise(placed))
    assert placed[-1].until_s <= 10.24
    assert placed == chosen([0, 0, 1])


def test_doubt_and_strangeness_draft_nothing():
    assert chosen([0.1, 0, 0]) == []
    assert chosen([-1, -1, -1]) == []


def test_strikes_are_the_peaks_of_the_onset_curve():
    curve = onset_curve(np.array([1.0, 2.5, 6.0]), np.array([1.0, 0.6, 0.1]), 1024, 0.03)
    assert [round(t, 2) for t, _ in strikes_of_onsets(curve)] == [1.0, 2.5]
    assert strikes_of_onsets(np.zeros(1024, np.float32)) == []


def test_a_saved_bank_is_the_same_bank_however_its_arrays_lie_in_memory(tmp_path):
    values = np.arange(96, dtype=np.int8).reshape(48, 2)
    by_columns = replace(bank_of_three(), values=np.asfortranarray(values))
    by_columns.save(tmp_path / "bank.safetensors")
    again = Bank.load(tmp_path / "bank.safetensors")
    assert np.array_equal(again.values, values)
    assert np.array_equal(again.latents(1), by_columns.latents(1))


def test_each_recording_has_one_chance_into_however_many_blows_it_was_cut():
    """One knock alone, and one recording of nine: each is drawn as often as the other."""
    three = bank_of_three()
    bank = replace(
        three,
        starts=np.arange(10),
        ends=np.arange(1, 11),
        kinds=np.full(10, HIT),
        lead_s=np.zeros(10, np.float32),
        label_of=np.zeros(10, np.int64),
        files=("one.wav", "nine.wav"),
        file_of=np.array([0] + [1] * 9),
    )

    def share_of_one(bank: Bank) -> float:
        rng = np.random.default_rng(0)
        drawn = [
            choose(bank, np.eye(3, dtype=np.float32), np.eye(3)[0], [(1.0, 1.0)], 10.24, rng)
            for _ in range(600)
        ]
        return float(np.mean([placed[0].recording == 0 for placed in drawn]))

    assert abs(share_of_one(bank) - 0.5) < 0.08
    assert abs(share_of_one(replace(bank, files=(), file_of=None)) - 0.1) < 0.05


def of_one_label(kinds: list[int], typicality: list[float] | None = None) -> Bank:
    """As many recordings called "knock", a step each."""
    count = len(kinds)
    return replace(
        bank_of_three(),
        starts=np.arange(count),
        ends=np.arange(1, count + 1),
        kinds=np.array(kinds),
        lead_s=np.zeros(count, np.float32),
        label_of=np.zeros(count, np.int64),
        files=tuple(f"{i}.wav" for i in range(count)),
        file_of=np.arange(count),
        typicality=None if typicality is None else np.array(typicality, np.float32),
    )


def drawn(bank: Bank, strikes=()) -> set[int]:
    placed = [chosen([1, 0, 0], strikes, seed, bank) for seed in range(60)]
    return {p.recording for places in placed for p in places}


def test_what_does_not_sound_like_its_name_is_not_laid():
    strikes = [(1.0, 1.0)]
    assert drawn(of_one_label([HIT] * 4), strikes) == {0, 1, 2, 3}
    assert drawn(of_one_label([HIT] * 4, [0.3, 0.0, 0.4, 0.2]), strikes) == {0, 2, 3}
    assert drawn(of_one_label([HIT] * 5, [0.3, 0.0, 0.4, 0.2, 0.1]), strikes) == {0, 2, 3}
    # of two, neither is known to be the odd one
    assert drawn(of_one_label([HIT] * 2, [0.3, 0.0]), strikes) == {0, 1}


def test_what_leads_up_to_an_attack_is_heard_after_the_pause_and_not_in_it():
    bank = replace(of_one_label([PASSAGE]), ends=np.array([25]), lead_s=np.array([1.0], np.float32))
    placed = chosen([1, 0, 0], bank=bank)
    begun = [p.at_s - 1.0 for p in placed]
    assert len(placed) > 2
    assert begun[0] == pytest.approx(0.2)
    ended = [p.until_s for p in placed]
    assert all(e + 0.39 < b for e, b in zip(ended, begun[1:], strict=False))
    assert all(p.at_s < 10.24 for p in placed)


def test_single_blows_sound_among_passages_where_nothing_says_when():
    assert drawn(of_one_label([PASSAGE, HIT, HIT])) == {0, 1, 2}
    parts = replace(
        of_one_label([PASSAGE, HIT, HIT]), files=("a.wav",), file_of=np.zeros(3, np.int64)
    )
    assert drawn(parts) == {0}  # but not a passage and then its own blows
