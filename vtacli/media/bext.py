"""The ``bext`` chunk of Broadcast Wave, version 2. Source: EBU Tech 3285, edition of May 2011."""

from __future__ import annotations

import struct
import unicodedata
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from vtacli.signal.programme import Loudness

_FORMAT = "<256s32s32s10s8sQH64s5h180s"
LOUDNESS_AT = struct.calcsize("<256s32s32s10s8sQH64s")
"""Where the five loudness values begin in the chunk's data."""
UNKNOWN = 0x7FFF
"""What stands for a loudness that is not known, or is none: silence has no LUFS."""


@dataclass(frozen=True)
class Bext:
    """Text is ASCII in the file: letters lose their accents, what has no ASCII becomes ``?``, and
    what is too long for its field is cut.

    ``description``: 256 characters; ``originator`` and ``originator_reference``: 32 each.
    ``made``: when the file's sound was made. ``time_reference``: the first sample, counted from
    midnight. ``coding_history``: lines as EBU R 98 has them, without their ends.
    """

    description: str = ""
    originator: str = "vta"
    originator_reference: str = ""
    made: datetime | None = None
    time_reference: int = 0
    coding_history: tuple[str, ...] = ()


def bext_chunk(bext: Bext, loudness: Loudness | None = None) -> bytes:
    """The chunk's data: 602 bytes and the coding history. Raises ValueError for a time reference
    that does not fit in 64 bits."""
    if not 0 <= bext.time_reference < 2**64:
        raise ValueError(f"a time reference lies in [0, 2**64), got {bext.time_reference}")
    fixed = struct.pack(
        _FORMAT,
        _ascii(bext.description)[:256],
        _ascii(bext.originator)[:32],
        _ascii(bext.originator_reference)[:32],
        f"{bext.made:%Y-%m-%d}".encode() if bext.made else b"",
        f"{bext.made:%H:%M:%S}".encode() if bext.made else b"",
        bext.time_reference,
        2,
        b"",
        *_hundredths(loudness),
        b"",
    )
    history = b"".join(_ascii(line.replace("\n", " ")) + b"\r\n" for line in bext.coding_history)
    return fixed + history + b"\0" * (len(history) % 2)


def loudness_values(loudness: Loudness) -> bytes:
    """The ten bytes that belong at :data:`LOUDNESS_AT`."""
    return struct.pack("<5h", *_hundredths(loudness))


def coding_line(rate_hz: int, bits: str, channels: int, text: str = "") -> str:
    """One line of a coding history (EBU R 98): algorithm, rate, word length, mode, free text."""
    fields = ["A=PCM", f"F={rate_hz}", f"W={bits.removesuffix('f')}"]
    if channels <= 2:
        fields.append("M=mono" if channels == 1 else "M=stereo")
    said = ["float"] if bits.endswith("f") else []
    said += [text.replace(",", ";")] if text else []
    return ",".join([*fields, *([f"T={'; '.join(said)}"] if said else [])])


def _hundredths(loudness: Loudness | None) -> list[int]:
    if loudness is None:
        return [UNKNOWN] * 5
    values = (
        loudness.integrated_lufs,
        loudness.range_lu,
        loudness.true_peak_dbtp,
        loudness.max_momentary_lufs,
        loudness.max_short_term_lufs,
    )
    return [round(v * 100) if isfinite(v) and abs(v) < 100 else UNKNOWN for v in values]


def _ascii(text: str) -> bytes:
    plain = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    printed = "".join(c if c.isprintable() else " " for c in plain)
    return printed.encode("ascii", "replace")
