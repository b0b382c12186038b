"""Which windows a clip is cut into. Exact, and known before anything is decoded."""

from __future__ import annotations

from fractions import Fraction

from vtacli.timeline import Span

SHORTEST_REST_S = Fraction(1)
"""What is left of a clip after its last full window is worth one of its own from here on."""


def cut_into_windows(
    clip: Span, window_s: Fraction, hop_s: Fraction | None = None, most: int | None = None
) -> list[Span]:
    """Windows of ``window_s`` every ``hop_s`` (default: end to end) from the clip's start on.

    A clip that is no longer than a window is one span, as long as it is: the rest is padding. In a
    longer one the last window ends with the clip and overlaps the one before, so that none needs
    padding; less than a second is left out instead. ``most``: no more windows than that (the
    published trainer takes the first alone).
    """
    hop_s = window_s if hop_s is None else hop_s
    if not 0 < hop_s <= window_s:
        raise ValueError(f"windows start every 0 to {window_s} s, not every {hop_s} s")
    if clip.duration_s <= window_s:
        return [clip]
    starts = [clip.start_s]
    while starts[-1] + hop_s + window_s <= clip.end_s:
        starts.append(starts[-1] + hop_s)
    if clip.end_s - (starts[-1] + window_s) >= SHORTEST_REST_S:
        starts.append(clip.end_s - window_s)
    return [Span(start, start + window_s) for start in starts[:most]]
