"""Drafts: recordings laid where they should sound, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from vtacli.model.mini.choice import choose, strikes_of_onsets
from vtacli.model.mini.draft import BED, HIT, PASSAGE, Bank, Placement, lay
from vtacli.signal.control import onset_curve

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
