"""Whether two streams in two films are the same one: what is coded in them, and when it is due."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from vtacli.media.fingerprint import Fingerprint, coded_hash
from vtacli.media.probe import Footage

CLOCK_S = 1e-4
"""How far apart two containers may put the same packet, beyond a tick and a half of their
clocks: edit lists are rounded too."""

PACKETS, PAYLOAD, CODED = "packets", "payload", "coded"
"""How streams are the same: packet for packet; the same bytes in other packets (uncompressed
sound, which containers divide as they like); the same coded units in another framing (H.264, HEVC,
AAC)."""

FRAMED_ANEW = ("h264", "hevc", "aac")


@dataclass(frozen=True)
class Half:
    """One stream of one film."""

    footage: Footage
    index: int
    print_: Fingerprint

    @property
    def codec(self) -> str:
        return next(s.codec for s in self.footage.streams if s.index == self.index)


def same_content(before: Half, after: Half) -> str | None:
    """:data:`PACKETS`, :data:`PAYLOAD` or :data:`CODED`, or None where the streams differ.

    Coded units are only looked for where both codecs have framings and packets are as many.
    """
    one, other = before.print_, after.print_
    if one.sha256 == other.sha256:
        if one.packets == other.packets:
            return PACKETS
        return PAYLOAD if before.codec.startswith("pcm_") else None
    if (
        one.packets == other.packets
        and before.codec == after.codec
        and before.codec in FRAMED_ANEW
        and coded_hash(before.footage.path, before.index)
        == coded_hash(after.footage.path, after.index)
    ):
        return CODED
    return None


def moved_s(before: Half, after: Half) -> float:
    """By how much, at most, packets are due at other times against their film's picture.

    Of streams with other packets, the first ones; attachments are never due.
    """
    was = before.print_.times_s() - float(before.footage.start_s)
    is_ = after.print_.times_s() - float(after.footage.start_s)
    if len(was) != len(is_):
        was, is_ = was[:1], is_[:1]
    return float(np.abs(was - is_).max(initial=0.0))


def allowed_s(before: Half, after: Half) -> float:
    """The most that the clocks of the two containers may make of it."""
    tick = max(before.print_.time_base, after.print_.time_base)
    vague = max(vague_s(before.footage), vague_s(after.footage))
    return 1.5 * float(tick) + CLOCK_S + vague


def same_length(before: Footage, after: Footage, ticks: Fraction) -> bool:
    """Whether the pictures last equally long, but for two ticks of the coarser clock."""
    return abs(after.duration_s - before.duration_s) <= 2 * ticks + vague_s(before)


def vague_s(footage: Footage) -> float:
    """AVI has no presentation times: two readers may guess them two pictures apart."""
    return 2 / float(footage.frame_rate) if footage.container == "avi" else 0.0
