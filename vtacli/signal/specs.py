"""What programmes are delivered at: targets of loudness, and whether a programme meets one.

Meters show tenths, and specifications are written in them: so are the comparisons here.
"""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from math import isfinite
from typing import Any

from vtacli.errors import ConfigError
from vtacli.signal.programme import Loudness

PROGRAMME_GATED = "programme-gated"


@dataclass(frozen=True)
class LoudnessSpec:
    """``target_lufs`` ± ``tolerance_lu`` integrated, and at most ``true_peak_dbtp``.

    ``source``: who asks for it. ``note``: what a verdict by it does not say.
    """

    name: str
    target_lufs: float
    tolerance_lu: float
    true_peak_dbtp: float
    source: str = ""
    note: str = ""

    def __str__(self) -> str:
        asked = f"{self.target_lufs:g} ±{self.tolerance_lu:g} LUFS, "
        named = "" if self.name not in SPECS else f"{self.name}: "
        return f"{named}{asked}at most {self.true_peak_dbtp:g} dBTP"

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


SPECS: dict[str, LoudnessSpec] = {
    spec.name: spec
    for spec in (
        LoudnessSpec("ebu-r128", -23.0, 0.2, -1.0, "EBU R 128"),
        LoudnessSpec("atsc-a85", -24.0, 2.0, -2.0, "ATSC A/85"),
        LoudnessSpec(
            "netflix",
            -27.0,
            2.0,
            -2.0,
            "Netflix sound mix specifications",
            f"{PROGRAMME_GATED} here; Netflix gates by dialogue, and asks for -24 ±2 LUFS "
            "programme-gated where less than 15 % is dialogue",
        ),
        LoudnessSpec("streaming", -14.0, 1.0, -1.0, "music and video platforms"),
        LoudnessSpec("podcast", -16.0, 1.0, -1.0, "Apple Podcasts"),
    )
}
OWN_TOLERANCE_LU = 0.5
OWN_TRUE_PEAK_DBTP = -1.0
"""Of a target that is given as a number."""
LOWEST_LUFS, HIGHEST_LUFS = -70.0, 0.0


@dataclass(frozen=True)
class Verdict:
    """Whether a programme meets a spec. ``sentences``: what fails, or what was met."""

    spec: LoudnessSpec
    passed: bool
    sentences: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        return {
            "spec": self.spec.to_dict(),
            "passed": self.passed,
            "sentences": list(self.sentences),
        }


def spec_of(text: str) -> LoudnessSpec:
    """A spec by its name, or ``-16`` or ``-16 LUFS`` for that many LUFS.

    A number has a tolerance of :data:`OWN_TOLERANCE_LU` and a ceiling of
    :data:`OWN_TRUE_PEAK_DBTP`. Raises ConfigError for anything else.
    """
    asked = text.strip().lower()
    if asked in SPECS:
        return SPECS[asked]
    number = re.fullmatch(r"([+-]?\d{1,3}(?:\.\d+)?)\s*(?:lufs|lkfs)?", asked)
    if number:
        target = float(number[1])
        if not LOWEST_LUFS <= target <= HIGHEST_LUFS:
            raise ConfigError(
                f"A loudness is from {LOWEST_LUFS:g} to {HIGHEST_LUFS:g} LUFS, not {target:g}.",
                hint=f"Did you mean -{abs(target):g}?" if 0 < target <= 70 else None,
            )
        return LoudnessSpec(f"{target:g} LUFS", target, OWN_TOLERANCE_LU, OWN_TRUE_PEAK_DBTP)
    near = get_close_matches(asked, SPECS, 1)
    meant = f"Did you mean {near[0]}? " if near else ""
    raise ConfigError(
        f"There is no loudness spec {text!r}.",
        hint=f"{meant}There are {', '.join(SPECS)}, or a number of LUFS.",
    )


def judged(loudness: Loudness, spec: LoudnessSpec) -> Verdict:
    """Hold a programme against a spec."""
    level, peak = round(loudness.integrated_lufs, 1), round(loudness.true_peak_dbtp, 1)
    failures = []
    if not isfinite(loudness.integrated_lufs):
        failures.append("it is silent, or too short to have a loudness")
    else:
        off = round(level - spec.target_lufs, 1)
        if abs(off) > spec.tolerance_lu:
            word = "loud" if off > 0 else "quiet"
            failures.append(
                f"{abs(off):.1f} LU too {word}: {level:.1f} LUFS, "
                f"not {spec.target_lufs:g} ±{spec.tolerance_lu:g}"
            )
    if peak > spec.true_peak_dbtp:
        failures.append(
            f"true peak {peak - spec.true_peak_dbtp:.1f} dB too high: {peak:.1f} dBTP, "
            f"not {spec.true_peak_dbtp:g} or less"
        )
    met = f"{level:.1f} LUFS, {peak:.1f} dBTP: meets {spec}"
    return Verdict(spec, not failures, tuple(failures) or (met,))
