"""The sound of a scene: its windows stitched, by itself, on the grid of the files that keep it.

Nothing outside of a scene is in its sound, so one scene can be made again, or read back from a
file, and the others are as they were.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from vtacli.manners import Rendered
from vtacli.media.spool import SoundSpool
from vtacli.options import RATE_HZ
from vtacli.signal.coding import halvings_of, on_grid
from vtacli.signal.media import Audio
from vtacli.signal.stitch import Grid, stitch
from vtacli.timeline import Scene


@dataclass(frozen=True)
class SceneSound:
    """One scene's foley at 48 kHz, exactly ``span.samples(48000)`` long, before it is mixed.

    ``spool``: as it was stitched, (1 or 2, N). ``halvings``: see :mod:`vtacli.signal.coding`.
    """

    scene: Scene
    spool: SoundSpool
    halvings: int

    @property
    def channels(self) -> int:
        return self.spool.channels

    def blocks(self) -> Iterator[Audio]:
        """As it is kept and heard."""
        for block in self.spool.blocks():
            yield replace(block, data=on_grid(block.data, self.halvings))


def scene_sounds(
    rendered: Iterable[Rendered], scenes: Sequence[Scene], folder: Path
) -> Iterator[SceneSound]:
    """The scenes of ``rendered`` windows, in their order, each whole.

    One is on disk at a time, in a file without a name in ``folder``: it is to be used before the
    next is asked for. Raises StorageError where the disk is full.
    """
    coming = iter(rendered)
    for first in coming:
        scene = scenes[first[0].scene]
        pieces = _until_its_end(first, coming, scene)
        grid = Grid(RATE_HZ, scene.span.end_s, start_s=scene.span.start_s)
        with SoundSpool(RATE_HZ, folder) as spool:
            peak = 0.0
            for block in stitch(pieces, grid):
                spool.append(block)
                peak = max(peak, float(np.max(np.abs(block.data), initial=0.0)))
            yield SceneSound(scene, spool, halvings_of(peak))


def _until_its_end(first: Rendered, coming: Iterator[Rendered], scene: Scene) -> Iterator[Rendered]:
    """A scene's windows, and no look at the next scene's: what is done is not kept waiting."""
    piece = first
    while piece[0].span.end_s < scene.span.end_s:
        yield piece
        piece = next(coming)
    yield piece
