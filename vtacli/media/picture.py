"""From a decoded picture to the three small ones that are wanted of it.

* luma for the motion curve, about 64×36, full range;
* BGR for the cut detectors, about 128×72;
* RGB for the model, square, as CLIP's preprocessing makes it.

Decoded pictures of 8 bits in planes, nearly all there are, are shrunk straight from the decoder's
own buffer: rows and columns are skipped first, the rest is averaged. Full conversion by
libswscale would take longer than decoding.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import cv2  # noqa: TID253 - this module is imported only where films are decoded
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

MOTION_SIZE = (64, 36)
"""Width and height of the motion curve's pictures."""

DETECTION_SIZE = (128, 72)

_PLANAR_8_BIT = {
    "yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "yuv440p", "yuvj440p",
}  # fmt: skip
_FULL_RANGE = 2


class Shrinker:
    """Makes the small pictures of one film. ``sample_aspect`` and ``rotation`` as in Footage."""

    def __init__(self, sample_aspect: Fraction, rotation: int, frame_size_px: int) -> None:
        self._aspect = sample_aspect
        self._turns = rotation // 90
        self._size = frame_size_px
        self._small = VideoReformatter()
        self._square = VideoReformatter()

    def yuv(self, frame: Any) -> NDArray[np.uint8]:
        """(72, 128, 3) uint8, full-range Y'CbCr, not turned."""
        if frame.format.name in _PLANAR_8_BIT:
            planes = [_shrink(plane) for plane in frame.planes]
            full = frame.format.name.startswith("yuvj") or frame.color_range == _FULL_RANGE
        else:
            small = self._small.reformat(
                frame, *DETECTION_SIZE, format="yuv444p", interpolation=Interpolation.AREA
            )
            planes = [_view(plane) for plane in small.planes]
            full = frame.color_range == _FULL_RANGE
        picture = cv2.merge(planes)
        return np.asarray(picture if full else cv2.LUT(picture, _TO_FULL_RANGE), np.uint8)

    def square(self, frame: Any) -> NDArray[np.uint8]:
        """(3, S, S) uint8 RGB: the shorter side resized to S by bicubic interpolation with
        square pixels, the centre cut out, upright."""
        width, height = frame.width * self._aspect, Fraction(frame.height)
        scale = self._size / min(width, height)
        wide, high = max(self._size, int(width * scale)), max(self._size, int(height * scale))
        rgb = self._square.reformat(
            frame,
            wide,
            high,
            format="rgb24",
            interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
        )
        pixels = rgb.to_ndarray()
        left, top = (wide - self._size) // 2, (high - self._size) // 2
        crop = pixels[top : top + self._size, left : left + self._size]
        upright = np.rot90(crop, -self._turns)
        return np.ascontiguousarray(upright.transpose(2, 0, 1))


def luma_of(yuv: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The motion curve's picture (36, 64) of a small Y'CbCr picture (72, 128, 3)."""
    luma = np.ascontiguousarray(yuv[..., 0])
    return np.asarray(cv2.resize(luma, MOTION_SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def bgr_of(yuv: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The cut detectors' picture of a small Y'CbCr picture, both (72, 128, 3)."""
    return np.asarray(cv2.cvtColor(yuv, cv2.COLOR_YCrCb2BGR), np.uint8)


def _view(plane: Any) -> NDArray[np.uint8]:
    rows = np.frombuffer(plane, np.uint8).reshape(plane.height, plane.line_size)
    return rows[:, : plane.width]


def _shrink(plane: Any) -> NDArray[np.uint8]:
    """One plane at detection size. Of a large plane about every second pixel that averaging
    would want is looked at, in each direction; noise still falls by the number averaged."""
    width, height = DETECTION_SIZE
    rows = _view(plane)
    step_y, step_x = max(1, plane.height // (2 * height)), max(1, plane.width // (2 * width))
    few = np.ascontiguousarray(rows[step_y // 2 :: step_y, step_x // 2 :: step_x])
    return np.asarray(cv2.resize(few, DETECTION_SIZE, interpolation=cv2.INTER_AREA), np.uint8)


def _full_range_table() -> NDArray[np.uint8]:
    """(1, 256, 3): limited range (16–235 and 16–240, ITU-R BT.601) to full, chroma as Cb and Cr
    in OpenCV's order."""
    levels = np.arange(256)
    luma = np.clip((levels - 16) * 255 / 219, 0, 255)
    chroma = np.clip((levels - 128) * 255 / 224 + 128, 0, 255)
    return np.stack([luma, chroma, chroma], axis=-1).round().astype(np.uint8)[None]


_TO_FULL_RANGE = _full_range_table()
