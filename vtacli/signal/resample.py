"""Sound to another rate, block by block, with a length that is exact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import soxr

from vtacli.signal.media import Audio


def resampled(
    blocks: Iterable[Audio], rate_hz: int, length: int | None = None, quality: str = "VHQ"
) -> Iterator[Audio]:
    """The blocks at another rate, in phase with the input: sample 0 stays sample 0.

    ``length``: how many samples come out in all; the end is cut off, or padded with silence, to
    reach it. None: what the resampler gives, ``round(n * rate_hz / input rate)``.
    ``quality``: soxr's name of it.

    All blocks must have one rate and one number of channels. Blocks that come out have other
    sizes than those that went in, and some may be missing. Without blocks, ``length`` must be
    None or 0. Raises ValueError otherwise.
    """
    converter: soxr.ResampleStream | None = None
    first: Audio | None = None
    done = 0

    def cut(data: np.ndarray) -> np.ndarray:
        return data if length is None else data[:, : max(0, length - done)]

    for block in blocks:
        if first is None:
            first = block
            if block.rate_hz != rate_hz:
                converter = soxr.ResampleStream(
                    block.rate_hz, rate_hz, block.channels, dtype="float32", quality=quality
                )
        if (block.rate_hz, block.channels) != (first.rate_hz, first.channels):
            raise ValueError(
                f"all blocks are {first.channels} channels at {first.rate_hz} Hz, "
                f"got {block.channels} at {block.rate_hz}"
            )
        data = block.data
        if converter is not None:
            interleaved = np.ascontiguousarray(data.T)
            data = np.ascontiguousarray(converter.resample_chunk(interleaved).T)
        data = cut(data)
        if data.shape[1]:
            done += data.shape[1]
            yield Audio(data, rate_hz)
    if first is None:
        if length:
            raise ValueError("there is no sound to resample")
        return
    if converter is not None:
        nothing = np.zeros((0, first.channels), np.float32)
        data = cut(np.ascontiguousarray(converter.resample_chunk(nothing, last=True).T))
        if data.shape[1]:
            done += data.shape[1]
            yield Audio(data, rate_hz)
    if length is not None and done < length:
        yield Audio(np.zeros((first.channels, length - done), np.float32), rate_hz)
