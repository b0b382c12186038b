"""Hits that a person wrote down: a list of moments that must be heard."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from vtacli.errors import ConfigError
from vtacli.media.scenes import timed_rows
from vtacli.timeline import Hit


def read_hits(path: Path | str, duration_s: Fraction, frame_rate: Fraction) -> tuple[Hit, ...]:
    """Hits from a text or CSV file, a line each, in film order.

    A line is ``time`` or ``time,strength``: the time in seconds or as a timecode, the strength
    above 0 and at most 1. Audacity's labels (start, end, text, with tabs) are read too: their
    starts, at full strength. Raises ConfigError with file and line.
    """
    path = Path(path)
    hits: dict[Fraction, Hit] = {}
    for number, time_s, rest in timed_rows(path, "hits", duration_s, frame_rate):
        is_label = len(rest) == 2
        text = rest[0] if rest and not is_label else ""
        try:
            strength = float(text) if text else 1.0
        except ValueError:
            raise ConfigError(f"Line {number}: {text!r} is no strength.", path=path) from None
        if not 0 < strength <= 1:
            raise ConfigError(
                f"Line {number}: a strength is above 0 and at most 1, not {text}.", path=path
            )
        if time_s in hits:
            raise ConfigError(f"Line {number}: there is a hit at that time already.", path=path)
        hits[time_s] = Hit(time_s, strength)
    if not hits:
        raise ConfigError("The list of hits is empty.", path=path, hint="One time per line.")
    return tuple(hits[t] for t in sorted(hits))
