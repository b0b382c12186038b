"""Whether a film's pictures are stored in another order than they are shown."""

from __future__ import annotations

from pathlib import Path

from vtacli.media.container import open_film

ENOUGH_PACKETS = 250
"""B-frames come within the first group of pictures or not at all."""


def is_reordered(path: Path, stream: int) -> bool:
    """Whether presentation times go back in the order of storage (B-frames). Only the first
    packets are read, none is decoded. Raises MediaError where the film cannot be read."""
    latest = None
    with open_film(path, only=stream) as film:
        for number, packet in enumerate(film.demux(film.streams[stream])):
            if number >= ENOUGH_PACKETS or packet.pts is None:
                break
            if latest is not None and packet.pts < latest:
                return True
            latest = packet.pts
    return False
