"""A whole programme brought to a loudness: one constant gain, and a limiter for its peaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

from vtacli.progress import Note, Report
from vtacli.signal.loudness import from_db, to_db
from vtacli.signal.programme import Loudness
from vtacli.signal.specs import LoudnessSpec

ROUNDS = 4
"""Passes over the film in which the gain is found, a limiter being after it."""
CLOSE_LU = 0.05
"""Near enough to a target: meters show tenths."""
RAISED_A_LOT_DB = 20.0
LIMITED_A_LOT_DB = 6.0


@dataclass(frozen=True)
class Heard:
    """One pass: the programme's loudness, for how long the limiter had anything to do, and by how
    much it lowered the gain at most."""

    loudness: Loudness
    limited_s: float = 0.0
    limited_db: float = 0.0


@dataclass(frozen=True)
class Master:
    """What the whole programme goes through.

    ``gain``: an amplitude. ``before``: the programme as it was; ``reached_lufs``: its loudness
    afterwards. ``limited_s`` and ``limited_db``: as in :class:`Heard`.
    """

    spec: LoudnessSpec
    gain: float
    ceiling_dbtp: float
    before: Loudness
    reached_lufs: float
    limited_s: float = 0.0
    limited_db: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "spec": self.spec.to_dict(),
            "gain_db": to_db(self.gain),
            "ceiling_dbtp": self.ceiling_dbtp,
            "reached_lufs": round(self.reached_lufs, 3),
            "limited_s": round(self.limited_s, 4),
            "limited_db": round(self.limited_db, 3),
            "before": self.before.to_dict(),
        }


def master_to(
    spec: LoudnessSpec,
    ceiling_dbtp: float,
    measure: Callable[[Master | None], Heard],
    report: Report,
) -> Master | None:
    """The gain that brings a programme to a spec, told to ``report``; None where it has no
    loudness, being silent or too short.

    ``measure`` reads the programme from end to end, through a master or as it is. A limiter takes
    some loudness away, so the gain is found by trying: up to :data:`ROUNDS` times. Where nothing
    reaches the ceiling, one pass says it all.
    """
    before = measure(None).loudness
    if not isfinite(before.integrated_lufs):
        report(
            Note("The programme is silent or too short to have a loudness: it stays.", "warning")
        )
        return None
    gain_db = spec.target_lufs - before.integrated_lufs
    master = Master(spec, from_db(gain_db), ceiling_dbtp, before, spec.target_lufs)
    if before.true_peak_dbtp + gain_db > ceiling_dbtp:
        for _ in range(ROUNDS):
            heard = measure(replace(master, gain=from_db(gain_db)))
            master = replace(
                master,
                gain=from_db(gain_db),
                reached_lufs=heard.loudness.integrated_lufs,
                limited_s=heard.limited_s,
                limited_db=heard.limited_db,
            )
            off = spec.target_lufs - master.reached_lufs
            if abs(off) <= CLOSE_LU:
                break
            gain_db += off
    for note in _notes(master):
        report(note)
    return master


def held_to(
    spec: LoudnessSpec,
    ceiling_dbtp: float,
    gain: float,
    measure: Callable[[Master | None], Heard],
    report: Report,
) -> Master:
    """A gain that was chosen before, an amplitude, kept as it is; ``report`` is told where it now
    misses the spec. ``measure``: as in :func:`master_to`, and used twice."""
    before = measure(None).loudness
    master = Master(spec, gain, ceiling_dbtp, before, spec.target_lufs)
    heard = measure(master)
    reached = heard.loudness.integrated_lufs
    off = reached - spec.target_lufs
    if not isfinite(reached) or abs(off) > spec.tolerance_lu:
        now = f"{reached:.1f} LUFS" if isfinite(reached) else "silent or too short"
        report(
            Note(
                f"With the gain that was chosen before, the programme is {now}, and not "
                f"{spec.target_lufs:g} ({spec.name}). --refit chooses the gain anew.",
                "warning",
            )
        )
    return replace(
        master,
        reached_lufs=reached if isfinite(reached) else spec.target_lufs,
        limited_s=heard.limited_s,
        limited_db=heard.limited_db,
    )


def _notes(master: Master) -> list[Note]:
    spec, gain_db = master.spec, to_db(master.gain)
    limited = (
        f", and limited for {master.limited_s:.2f} s, by up to {master.limited_db:.1f} dB"
        if master.limited_s
        else ""
    )
    notes = [
        Note(
            f"The programme was at {master.before.integrated_lufs:.1f} LUFS and is "
            f"{'raised' if gain_db > 0 else 'lowered'} by {abs(gain_db):.1f} dB to "
            f"{master.reached_lufs:.1f} ({spec.name}){limited}.",
            "warning" if master.limited_db > LIMITED_A_LOT_DB else "info",
        )
    ]
    if gain_db > RAISED_A_LOT_DB:
        notes.append(
            Note(f"Raising it by {gain_db:.0f} dB raises whatever noise is in it.", "warning")
        )
    if abs(master.reached_lufs - spec.target_lufs) > spec.tolerance_lu:
        notes.append(
            Note(
                f"{spec.target_lufs:g} LUFS cannot be reached under {master.ceiling_dbtp:g} dBTP: "
                f"the programme is {master.reached_lufs:.1f} LUFS. Its peaks are far above its "
                "mean.",
                "warning",
            )
        )
    return notes
