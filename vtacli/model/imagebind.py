"""ImageBind's picture and sound in one space, and how near they are: the IB-score's two sides.

As hkchengrex/av-benchmark (050a5cd) takes them: pictures two seconds apart, each with the one
after it; three clips of the sound; the mean of each side's embeddings. Girdhar et al., 2305.05665.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vtacli.errors import WeightsRefused
from vtacli.model.encoders.imagebind import PAIRS_AT_ONCE, ImageBind
from vtacli.model.encoders.imagebind_audio import RATE_HZ, ImageBindAudio, pictures_of
from vtacli.model.encoders.spec import spec_of
from vtacli.model.published import one_file
from vtacli.signal.media import Frames

__all__ = ["RATE_HZ", "SIZE_PX", "ImageBindPair"]

SIZE_PX = spec_of("imagebind").frame_size_px
APART_S = 2.0
"""Between two pictures; the first is the one shown after half of it."""


class ImageBindPair:
    """The trunks of pictures and of sounds, from the published file that lies in ``folder`` alone.

    What the file holds of text, depth, thermal and IMU is passed over by the beginnings of its
    names; of the rest none may be missing and none unknown. The weights are CC-BY-NC-SA-4.0.
    Raises WeightsMissing, WeightsRefused.
    """

    def __init__(self, folder: Path, device: str | torch.device = "cpu"):
        path = one_file(folder)
        self._eye = ImageBind.from_upstream(path).to(device)
        self._ear = ImageBindAudio.from_upstream(path).to(device)
        sizes = (self._eye.frame_size_px, self._eye.token_width)
        if sizes != (SIZE_PX, self._ear.config.out_width):
            raise WeightsRefused(
                f"its pictures are {sizes[0]} px, its embeddings {sizes[1]} numbers and "
                f"{self._ear.config.out_width}.",
                path=path,
            )

    @torch.no_grad()
    def seen(self, *views: Frames) -> NDArray[np.float64] | None:
        """The same moments in one or more views, (T, 3, 224, 224) each -> (D,), the mean over all
        pairs of neighbours; of a picture alone, with itself. None where there is no picture."""
        pairs = [pair for view in views for pair in self._pairs(view)]
        if not pairs:
            return None
        some = [self._eye.embed(torch.stack(p)) for p in _grouped(pairs, PAIRS_AT_ONCE)]
        return _mean(torch.cat(some))

    @torch.no_grad()
    def heard(self, wave: NDArray[np.float32]) -> NDArray[np.float64] | None:
        """(N,) at 16 kHz -> (D,). None of less than 25 ms."""
        pictures = pictures_of(wave)
        if pictures is None:
            return None
        return _mean(self._ear(pictures.to(self._ear.device)))

    def _pairs(self, view: Frames) -> list[Tensor]:
        """(3, 2, 224, 224) each."""
        if not len(view):
            return []
        pixels = self._eye.pixels(view.data[every_two_seconds(view.times_s)])
        before, after = (pixels[:-1], pixels[1:]) if len(pixels) > 1 else (pixels, pixels)
        return list(torch.stack([before, after], dim=2))


def every_two_seconds(times_s: NDArray[np.float64]) -> NDArray[np.int64]:
    """The numbers of the pictures nearest to 1, 3, 5, … s, the first one at least.

    Upstream lets ffmpeg make half a picture a second, which gives the last one before each of
    these moments.
    """
    moments = np.arange(APART_S / 2, times_s[-1] + APART_S / 4, APART_S)
    if not len(moments):
        return np.zeros(1, np.int64)
    return np.unique([np.abs(times_s - moment).argmin() for moment in moments])


def _grouped(pairs: list[Tensor], size: int) -> list[list[Tensor]]:
    return [pairs[i : i + size] for i in range(0, len(pairs), size)]


def _mean(embeddings: Tensor) -> NDArray[np.float64]:
    return np.asarray(embeddings.double().mean(dim=0).cpu().numpy(), np.float64)
