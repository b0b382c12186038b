"""A sound's outline: the least and the greatest sample in each of so many columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from vtacli.errors import MediaError

HIGH = 100
"""Height of the drawing in its own units: full scale reaches from 0 to this."""


def outline(sound: Path, columns: int) -> NDArray[np.float32]:
    """(columns, 2) float32: least and greatest value over all channels, full scale 1.0.

    Column c covers the samples from c / columns to (c + 1) / columns of the file; it is read
    piece by piece. Raises MediaError where it cannot be read.
    """
    found = np.zeros((columns, 2), np.float32)
    try:
        with soundfile.SoundFile(sound) as file:
            edges = np.linspace(0, file.frames, columns + 1).round().astype(np.int64)
            for column in range(columns):
                count = int(edges[column + 1] - edges[column])
                if count:
                    data = file.read(count, "float32", always_2d=True)
                    found[column] = data.min(initial=0.0), data.max(initial=0.0)
                elif column:
                    found[column] = found[column - 1]
    except (soundfile.LibsndfileError, OSError) as error:
        raise MediaError("The sound cannot be read.", path=sound) from error
    return found


def outline_path(found: NDArray[np.float32]) -> str:
    """The outline as an SVG path, one unit a column, :data:`HIGH` units high.

    A column is never thinner than a hair, so that silence is a line and not nothing.
    """
    values = np.clip(found, -1, 1)
    top = np.minimum((1 - values[:, 1]) * HIGH / 2, HIGH / 2 - 0.3)
    bottom = np.maximum((1 - values[:, 0]) * HIGH / 2, HIGH / 2 + 0.3)
    there = [f"{x} {y:.4g}" for x, y in enumerate(top)]
    back = [f"{x} {y:.4g}" for x, y in reversed(list(enumerate(bottom)))]
    return "M" + "L".join(there + back) + "Z"
