"""Numbers of four bits in the bank."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from test_draft import bank_of_three

from vtacli.model.mini.draft import Bank
from vtacli.model.mini.nibbles import MOST, best_scale, fits, levels, packed, unpacked


@given(rows=st.integers(1, 40), pairs=st.integers(1, 6), seed=st.integers(0, 99))
def test_packing_loses_nothing(rows, pairs, seed):
    rng = np.random.default_rng(seed)
    values = (2 * rng.integers(0, 16, (rows, 2 * pairs)) - MOST).astype(np.int8)
    assert fits(values).all()
    assert packed(values).shape == (rows, pairs)
    assert np.array_equal(unpacked(packed(values)), values)


def test_other_numbers_are_not_taken_for_levels():
    values = np.array([[1, 2, 17, -15], [3, 1, 1, 15]], np.int8)
    assert fits(values).tolist() == [True, False, False, True]


def test_a_normal_is_kept_as_well_as_sixteen_even_levels_can():
    values = np.random.default_rng(0).normal(0, 3, 50_000).astype(np.float32)
    scale = best_scale(values)
    error = levels(values, scale) * scale - values
    # Max (1960), table II: 16 equal steps of a normal leave 0.01154 of its variance.
    assert 0.0112 < error.var() / values.var() < 0.0119


def test_a_bank_keeps_such_channels_in_four_bits(tmp_path: Path):
    rng = np.random.default_rng(1)
    bank = bank_of_three()
    channels = bank.values.shape[1]
    values = bank.values.copy()
    few = [c for c in range(channels) if c % 2][: channels // 2 // 2 * 2]
    values[:, few] = 2 * rng.integers(0, 16, (len(values), len(few))) - MOST
    bank = replace(bank, values=values)
    bank.save(tmp_path / "bank.safetensors")
    again = Bank.load(tmp_path / "bank.safetensors")
    assert np.array_equal(again.values, values)
    assert again.values.dtype == np.int8
