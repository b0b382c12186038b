"""What makes two films carry the same streams: packets by hash, and when they are due."""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vtacli.media.container import open_film


@dataclass(frozen=True)
class Fingerprint:
    """One stream's packets, in file order.

    ``sha256``: of all payloads, one after the other. ``times``: (N,) int64, presentation times
    (decoding times where a packet has none) in units of ``time_base``.
    """

    sha256: str
    times: NDArray[np.int64]
    time_base: Fraction

    @property
    def packets(self) -> int:
        return len(self.times)

    def times_s(self) -> NDArray[np.float64]:
        """(N,) float64 seconds."""
        return self.times.astype(np.float64) * float(self.time_base)


def fingerprints(path: Path | str) -> dict[int, Fingerprint]:
    """By stream index, for all streams that have packets. Nothing is decoded.

    Raises MediaError where the file cannot be read.
    """
    with open_film(path) as container:
        count = len(container.streams)
        hashes = [sha256() for _ in range(count)]
        times: list[array[int]] = [array("q") for _ in range(count)]
        for packet in container.demux():
            if not packet.size:
                continue
            index = packet.stream_index
            hashes[index].update(packet)
            due = packet.pts if packet.pts is not None else packet.dts
            times[index].append(due if due is not None else 0)
        return {
            i: Fingerprint(
                hashes[i].hexdigest(),
                np.array(times[i], np.int64),
                Fraction(container.streams[i].time_base or Fraction(1, 1_000_000)),
            )
            for i in range(count)
            if times[i]
        }


def packet_hashes(path: Path | str) -> dict[int, str]:
    """SHA-256 of every stream's packet payloads, by stream index. Equal in two files means: not
    a bit of that stream was changed, whatever the container around it does."""
    return {index: print_.sha256 for index, print_ in fingerprints(path).items()}
