"""Measures the loudness of a file's sound, and holds it against a spec."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vtacli.media.sound import SoundTrack
from vtacli.progress import Report, Step, ignore
from vtacli.signal.programme import Loudness, LoudnessMeter
from vtacli.signal.specs import PROGRAMME_GATED, LoudnessSpec, Verdict, judged

BATCH = 1 << 15
"""Samples that are measured together: codecs hand them out a thousand at a time."""


@dataclass(frozen=True)
class Measured:
    """``verdict``: None where no spec was asked for. ``times_s``, ``short_term_lufs``: (T,)
    float64, the short-term loudness of the 3 s that end then, every 100 ms."""

    track: SoundTrack
    loudness: Loudness
    verdict: Verdict | None
    times_s: NDArray[np.float64]
    short_term_lufs: NDArray[np.float64]

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.track.to_dict(),
            **self.loudness.to_dict(),
            "gating": PROGRAMME_GATED,
            "verdict": self.verdict.to_dict() if self.verdict else None,
        }


def measure(
    track: SoundTrack, spec: LoudnessSpec | None = None, report: Report = ignore
) -> Measured:
    """Read the track from beginning to end, once; the file is never in memory.

    Raises MediaError where it cannot be read.
    """
    meter = LoudnessMeter(track.rate_hz, track.channels, track.layout)
    waiting: list[NDArray[np.float32]] = []
    count = done = 0
    for block in track.blocks(report):
        waiting.append(block.data)
        count += len(block)
        if count >= BATCH:
            meter.add(np.concatenate(waiting, axis=1))
            done, count, waiting = done + count, 0, []
            at_s = done / track.rate_hz
            report(Step("measure", at_s, max(track.seconds, at_s), track.path.name))
    if waiting:
        meter.add(np.concatenate(waiting, axis=1))
    times_s, short_term = meter.short_term()
    loudness = meter.result()
    return Measured(track, loudness, judged(loudness, spec) if spec else None, times_s, short_term)
