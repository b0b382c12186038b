"""One window of sound as bytes, and back: to the sample, or not at all.

A line that says what it is, the length of a header, the header (JSON), the samples (float32, little
endian, channel after channel), and the SHA-256 of all of that.
"""

from __future__ import annotations

import json
import struct
from dataclasses import asdict
from hashlib import sha256
from typing import Any

import numpy as np

from vtacli.model.contract import Drawn, Take
from vtacli.model.guess import Guess, Seen
from vtacli.signal.media import Audio

MAGIC = b"vta window 1\n"
_LENGTH = struct.Struct("<Q")
_SUM_BYTES = 32


def encoded(sound: Audio) -> bytes:
    """The sound, with what the model had to say of it where it is a Take."""
    header: dict[str, Any] = {"rate_hz": sound.rate_hz, "shape": sound.data.shape}
    if isinstance(sound, Take):
        header["take"] = {
            "guess": None if sound.guess is None else asdict(sound.guess),
            "drawn": [asdict(d) for d in sound.drawn],
        }
    head = json.dumps(header, default=float).encode()
    samples = np.ascontiguousarray(sound.data, "<f4").tobytes()
    body = b"".join((MAGIC, _LENGTH.pack(len(head)), head, samples))
    return body + sha256(body).digest()


def decoded(data: bytes) -> Audio:
    """What :func:`encoded` was given, in arrays of its own. Raises ValueError for anything else,
    be it damaged, cut short or of another edition."""
    body, checksum = data[:-_SUM_BYTES], data[-_SUM_BYTES:]
    if not body.startswith(MAGIC) or sha256(body).digest() != checksum:
        raise ValueError("this is no window, or a damaged one")
    try:
        (length,) = _LENGTH.unpack_from(body, len(MAGIC))
        start = len(MAGIC) + _LENGTH.size
        header = json.loads(body[start : start + length])
        samples = np.frombuffer(body, "<f4", offset=start + length)
        sound = samples.astype(np.float32).reshape(header["shape"])
        take = header.get("take")
        if take is None:
            return Audio(sound, header["rate_hz"])
        drawn = (Drawn(**{**d, "times_s": tuple(d["times_s"])}) for d in take["drawn"])
        return Take(sound, header["rate_hz"], _guess(take["guess"]), tuple(drawn))
    except (KeyError, TypeError, struct.error, AttributeError) as error:
        raise ValueError(f"this is no window: {error}") from error


def _guess(value: dict[str, Any] | None) -> Guess | None:
    if value is None:
        return None
    return Guess(
        seen=tuple(Seen(**s) for s in value["seen"]),
        sounds=tuple((name, p) for name, p in value["sounds"]),
    )
