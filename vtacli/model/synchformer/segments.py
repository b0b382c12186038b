"""Which stretches of a film are seen and heard at a time: those of picture and sound coincide."""

from __future__ import annotations

from fractions import Fraction

FRAME_RATE = 25
"""Pictures a second."""
SEGMENT_FRAMES, STEP_FRAMES = 16, 8
SEGMENT_SAMPLES, STEP_SAMPLES = 10_240, 5_120
"""The same 0.64 and 0.32 s at 16 kHz."""
CROP = 14
"""Segments that are compared at once: 120 pictures, 4.8 s."""


def segments_in(seconds: Fraction) -> int:
    """How many whole segments there are in so many seconds."""
    frames = seconds * FRAME_RATE
    return max(0, (frames.numerator // frames.denominator - SEGMENT_FRAMES) // STEP_FRAMES + 1)
