"""From a decoded picture to the two small ones that are wanted of it.

* Y'CbCr, 64×36, whose luma feeds the motion curve and which, as BGR, feeds the cut detectors;
* RGB for the model, square, as CLIP's preprocessing makes it.

Decoded pictures of 8 bits in planes, nearly all there are, are shrunk straight from the decoder's
own buffer, looking at some of the pixels only. Full conversion by libswscale would take longer than
decoding.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import cv2  # noqa: TID253 - this module is imported only where films are decoded
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from vtacli.media.colour import is_full_range, rgb_matrix

SMALL = (64, 36)
"""Width and height of the small pictures."""

TWICE = (128, 72)
"""The size in between, at which each pixel is interpolated from four of the full picture: a small
pixel is then the mean of sixteen, spread over its area, and has a quarter of their noise."""

CENTRE = Fraction(1, 2)

_PLANAR_8_BIT = {
    "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv440p", "yuvj440p",
}  # fmt: skip
_BICUBIC = Interpolation.BICUBIC | Interpolation.ACCURATE_RND


class Shrinker:
    """Makes the small pictures of one film. ``sample_aspect`` and ``rotation`` as in Footage;
    ``place``: where the square lies along the longer side, 0 to 1."""

    def __init__(
        self,
        sample_aspect: Fraction,
        rotation: int,
        frame_size_px: int,
        place: Fraction = CENTRE,
    ) -> None:
        self._aspect = sample_aspect
        self._place = place
        self._turns = rotation // 90
        self._size = frame_size_px
        self._tiny = VideoReformatter()
        self._square = VideoReformatter()

    def small(self, frame: Any) -> NDArray[np.uint8]:
        """(36, 64, 3) uint8, full-range Y', Cr, Cb (OpenCV's order), not turned."""
        if frame.format.name in _PLANAR_8_BIT:
            luma, blue, red = (_view(plane) for plane in frame.planes)
            planes = [_shrink(luma), cv2.resize(red, SMALL), cv2.resize(blue, SMALL)]
        else:
            small = self._tiny.reformat(
                frame, *SMALL, format="yuv444p", interpolation=Interpolation.AREA, threads=1
            )
            luma, blue, red = (_view(plane) for plane in small.planes)
            planes = [luma, red, blue]
        picture = cv2.merge(planes)
        if not is_full_range(frame):
            picture = cv2.LUT(picture, _TO_FULL_RANGE)
        return np.asarray(picture, np.uint8)

    def square(self, frame: Any) -> NDArray[np.uint8]:
        """(3, S, S) uint8 RGB: the shorter side resized to S by bicubic interpolation with
        square pixels, the centre (or another place) cut out, upright."""
        width, height = frame.width * self._aspect, Fraction(frame.height)
        scale = self._size / min(width, height)
        wide, high = max(self._size, int(width * scale)), max(self._size, int(height * scale))
        full = is_full_range(frame)
        scaled = self._square.reformat(
            frame,
            wide,
            high,
            format="yuvj444p" if full else "yuv444p",
            interpolation=_BICUBIC,
            threads=1,
        )
        left, top = (int((side - self._size) * self._place) for side in (wide, high))
        crop = np.s_[top : top + self._size, left : left + self._size]
        square = cv2.merge([np.ascontiguousarray(_view(plane)[crop]) for plane in scaled.planes])
        # libswscale's own RGB is darker by one level, off at the edges of colours, and slower.
        rgb = cv2.transform(square, rgb_matrix(int(frame.colorspace), full))
        upright = np.rot90(rgb, -self._turns)
        return np.ascontiguousarray(upright.transpose(2, 0, 1))


def bgr_of(small: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The cut detectors' picture of a small picture, both (36, 64, 3)."""
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_YCrCb2BGR), np.uint8)


def _view(plane: Any) -> NDArray[np.uint8]:
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _shrink(rows: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Luma at the small size. Of a large picture not every pixel is looked at."""
    twice = cv2.resize(rows, TWICE, interpolation=cv2.INTER_LINEAR)
    return np.asarray(cv2.resize(twice, SMALL, interpolation=cv2.INTER_AREA), np.uint8)


def _full_range_table() -> NDArray[np.uint8]:
    """(1, 256, 3): limited range (16–235 and 16–240, ITU-R BT.601) to full."""
    levels = np.arange(256)
    luma = np.clip((levels - 16) * 255 / 219, 0, 255)
    chroma = np.clip((levels - 128) * 255 / 224 + 128, 0, 255)
    return np.stack([luma, chroma, chroma], axis=-1).round().astype(np.uint8)[None]


_TO_FULL_RANGE = _full_range_table()
