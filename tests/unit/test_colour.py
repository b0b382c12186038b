"""Colours by the book: ITU-R BT.601, BT.709 and BT.2020, limited and full range."""

from __future__ import annotations

import numpy as np
import pytest

from vtacli.media.colour import rgb_matrix


@pytest.mark.parametrize("full", [True, False])
@pytest.mark.parametrize("colorspace", [1, 2, 5, 6, 9])
def test_black_white_and_grey(colorspace: int, full: bool) -> None:
    black, white = (0, 255) if full else (16, 235)
    matrix = rgb_matrix(colorspace, full).astype(np.float64)
    for luma, grey in ((black, 0), (white, 255)):
        np.testing.assert_allclose(matrix @ [luma, 128, 128, 1], grey, atol=1e-3)


@pytest.mark.parametrize(
    ("colorspace", "yuv", "rgb"),
    [
        (6, (81, 90, 240), (254, 0, 0)),  # the red, green and blue of colour bars
        (6, (145, 54, 34), (0, 255, 1)),
        (6, (41, 240, 110), (0, 0, 255)),
        (1, (63, 102, 240), (255, 0, 0)),
        (1, (173, 42, 26), (0, 255, 0)),
        (1, (32, 240, 118), (1, 0, 255)),
    ],
)
def test_primaries(colorspace: int, yuv: tuple[int, ...], rgb: tuple[int, ...]) -> None:
    found = rgb_matrix(colorspace, False).astype(np.float64) @ [*yuv, 1]
    np.testing.assert_allclose(np.clip(found, 0, 255), rgb, atol=2.5)


def test_a_film_that_does_not_say_is_bt_601() -> None:
    np.testing.assert_array_equal(rgb_matrix(2, False), rgb_matrix(6, False))
