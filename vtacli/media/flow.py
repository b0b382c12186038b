"""Optical flow over a film, for AV-Align as published."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

from vtacli.errors import MediaError
from vtacli.media.container import open_film, prepare_decoder
from vtacli.media.probe import Footage
from vtacli.signal.av_peaks import mean_flow_px

Heed = Callable[[int], None]


def flow_of(
    footage: Footage,
    until_s: Fraction | None = None,
    *,
    shorter_side_px: int | None = None,
    heed: Heed = lambda pictures: None,
) -> NDArray[np.float64]:
    """(pictures,) the mean length in pixels of the flow from each picture to the next, the first
    twice, as the published code keeps it.

    ``until_s``: pictures from there on are left out. ``shorter_side_px``: larger pictures are
    made smaller first, which makes the flow shorter in proportion; None for none. ``heed`` is
    told how many pictures are done. Damaged packets are passed over. Raises MediaError where
    fewer than two pictures can be decoded.
    """
    import cv2

    lengths: list[float] = []
    before: NDArray[np.uint8] | None = None
    for frame in _pictures(footage, until_s):
        grey = np.asarray(
            cv2.cvtColor(frame.to_ndarray(format="bgr24"), cv2.COLOR_BGR2GRAY), np.uint8
        )
        least = min(grey.shape)
        if shorter_side_px and least > shorter_side_px:
            scale = shorter_side_px / least
            size = (round(grey.shape[1] * scale), round(grey.shape[0] * scale))
            grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
        if before is not None:
            lengths.append(mean_flow_px(before, grey))
        before = grey
        heed(len(lengths) + 1)
    if not lengths:
        raise MediaError("Fewer than two pictures could be decoded.", path=footage.path)
    return np.array([lengths[0], *lengths], np.float64)


def _pictures(footage: Footage, until_s: Fraction | None) -> Iterator[Any]:
    """Decoded pictures in order of presentation, until a time from the film's start."""
    with open_film(footage.path, only=footage.picture) as container:
        stream = container.streams[footage.picture]
        prepare_decoder(stream)
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                if until_s is not None and frame.pts is not None:
                    shown_s = frame.pts * Fraction(frame.time_base) - footage.start_s
                    if shown_s >= until_s:
                        return
                yield frame
