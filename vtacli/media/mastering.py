"""HDR metadata of a picture: the display it was graded on, and how bright it gets.

SMPTE ST 2086 and CTA-861.3. H.264 and HEVC carry them among the pictures, VP9 and others in the
container alone, where no packet's hash would miss them: so a first picture is decoded and asked.
"""

from __future__ import annotations

import struct
from pathlib import Path

import av

from vtacli.media.container import open_film, prepare_decoder

_DISPLAY = struct.Struct("@20i2i")  # ten fractions, and whether primaries and luminance are given
_LIGHT = struct.Struct("@2I")
_NAMES = ("red x", "red y", "green x", "green y", "blue x", "blue y", "white x", "white y",
          "darkest", "brightest")  # fmt: skip


def hdr_metadata(path: Path | str, stream: int) -> dict[str, float]:
    """By name: chromaticities, and luminances in cd/m². Empty where there is none.

    Raises MediaError where the film cannot be read.
    """
    found: dict[str, float] = {}
    with open_film(path, only=stream) as film:
        picture = film.streams[stream]
        prepare_decoder(picture)
        for packet in film.demux(picture):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                for side in frame.side_data:
                    data = bytes(side)
                    if side.type.name == "MASTERING_DISPLAY_METADATA":
                        found |= _display(data)
                    elif side.type.name == "CONTENT_LIGHT_LEVEL" and len(data) >= _LIGHT.size:
                        brightest, mean = _LIGHT.unpack_from(data)
                        found |= {"MaxCLL": float(brightest), "MaxFALL": float(mean)}
                return found
    return found


def _display(data: bytes) -> dict[str, float]:
    if len(data) < _DISPLAY.size:
        return {}
    *numbers, has_primaries, has_luminance = _DISPLAY.unpack_from(data)
    values = [n / d if d else 0.0 for n, d in zip(numbers[::2], numbers[1::2], strict=True)]
    told = dict(zip(_NAMES, values, strict=True))
    first, last = 0 if has_primaries else 8, 10 if has_luminance else 8
    return {name: told[name] for name in _NAMES[first:last]}
