"""Small pictures of a film at given times, as JPEG."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

from vtacli.errors import MediaError
from vtacli.media.container import open_film, prepare_decoder

QUALITY = 72


def thumbnails(film: Path, times_s: Sequence[Fraction], high: int = 90) -> list[bytes]:
    """A JPEG ``high`` pixels high of the picture shown at each of the times, in their order.

    ``film``: a proxy, whose first picture is shown at 0 and whose pixels are square; each time
    costs the decoding from the key frame before it. Raises MediaError where there is no picture.
    """
    with open_film(film) as container:
        stream = container.streams.video[0]
        prepare_decoder(stream)
        return [_jpeg(_shown_at(container, stream, time_s, film), high) for time_s in times_s]


def _shown_at(container: Any, stream: Any, time_s: Fraction, film: Path) -> Any:
    shown = None
    for frame in _from(container, stream, time_s):
        if frame.pts is None:
            continue
        if shown is not None and frame.pts * Fraction(frame.time_base) > time_s:
            break
        shown = frame
    if shown is None:
        raise MediaError("No picture could be decoded.", path=film)
    return shown


def _from(container: Any, stream: Any, time_s: Fraction) -> Iterator[Any]:
    container.seek(int(time_s / stream.time_base), stream=stream, backward=True)
    for packet in container.demux(stream):
        try:
            yield from packet.decode()
        except av.error.InvalidDataError:
            continue


def _jpeg(frame: Any, high: int) -> bytes:
    import cv2

    wide = max(2, round(frame.width * high / frame.height))
    small = frame.reformat(wide, high, format="bgr24").to_ndarray()
    coded, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    if not coded:
        raise ValueError("the picture could not be coded")
    return bytes(data.tobytes())
