"""Resampling block by block: lengths, phase, and no trace of the blocks."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import soxr
from hypothesis import given, settings
from hypothesis import strategies as st

from vtacli.signal.media import Audio
from vtacli.signal.resample import resampled


def blocks_of(data: np.ndarray, sizes: list[int], rate: int) -> Iterator[Audio]:
    at, i = 0, 0
    while at < data.shape[1]:
        size = sizes[i % len(sizes)]
        yield Audio(data[:, at : at + size], rate)
        at, i = at + size, i + 1


def joined(parts: Iterator[Audio]) -> np.ndarray:
    return np.concatenate([p.data for p in parts], axis=1)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(100, 30_000),
    st.lists(st.integers(1, 5_000), min_size=1, max_size=4),
    st.integers(-500, 500),
    st.sampled_from([8_000, 16_000, 44_100, 48_000]),
)
def test_the_length_is_exact_whatever_the_blocks(
    samples: int, sizes: list[int], more: int, rate: int
) -> None:
    data = np.random.default_rng(1).normal(0, 0.1, (2, samples)).astype(np.float32)
    length = max(1, round(samples * 48_000 / rate) + more)
    out = joined(resampled(blocks_of(data, sizes, rate), 48_000, length))
    assert out.shape == (2, length)


def test_blocks_leave_no_trace() -> None:
    data = np.random.default_rng(2).normal(0, 0.1, (1, 40_000)).astype(np.float32)
    whole = joined(resampled(blocks_of(data, [40_000], 16_000), 48_000))
    pieces = joined(resampled(blocks_of(data, [1, 777, 4096], 16_000), 48_000))
    np.testing.assert_allclose(pieces, whole, atol=1e-6)
    reference = soxr.resample(data.T, 16_000, 48_000, quality="VHQ").T
    np.testing.assert_allclose(whole, reference, atol=1e-5)


def test_a_click_stays_where_it_is() -> None:
    data = np.zeros((1, 16_000), np.float32)
    data[0, 8_000] = 1
    out = joined(resampled(blocks_of(data, [1_000], 16_000), 48_000))
    assert out.shape[1] == 48_000
    assert np.abs(out[0]).argmax() == 24_000


def test_the_same_rate_is_the_identity() -> None:
    data = np.random.default_rng(3).normal(0, 0.1, (6, 5_000)).astype(np.float32)
    np.testing.assert_array_equal(joined(resampled(blocks_of(data, [999], 48_000), 48_000)), data)


def test_blocks_that_do_not_belong_together_are_refused() -> None:
    odd = [
        Audio(np.zeros((1, 10), np.float32), 48_000),
        Audio(np.zeros((2, 10), np.float32), 48_000),
    ]
    with pytest.raises(ValueError, match="all blocks"):
        list(resampled(odd, 48_000))
    with pytest.raises(ValueError, match="no sound"):
        list(resampled([], 48_000, 10))
    assert list(resampled([], 48_000)) == []
