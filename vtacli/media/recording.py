"""A recording of the user's own, decoded once: any sound file, or the sound of a film."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from vtacli.errors import MediaError
from vtacli.media.door import FORMATS, PROTOCOLS, check_input, url
from vtacli.signal.media import Audio
from vtacli.signal.nature import SHORTEST_S
from vtacli.signal.rumble import without_rumble

SOUND_FORMATS = f"{FORMATS},wav,w64,flac,mp3,ogg,aiff,aac,caf,au"
KNOWN = "wav, flac, mp3, ogg, opus, aiff, m4a, caf, or a film"
READ_S, KEPT_S = 60.0, 11.0
"""How much is read, and how much is kept from where it begins to sound."""
LEVEL = 0.5
"""Peak that it is brought to."""
SILENT_DB = -60.0
"""A peak under this is silence."""
LEAD_S = 0.05


def read_recording(path: Path, rate_hz: int) -> Audio:
    """(1, N) mono at ``rate_hz``, from where it begins to sound, :data:`KEPT_S` at most, its peak
    at :data:`LEVEL`.

    Raises MediaError for what cannot be read, holds no sound, is silent, or sounds for less than
    :data:`SHORTEST_S`.
    """
    path = check_input(path)
    mono = _decoded(path, rate_hz)
    peak = float(np.abs(mono).max(initial=0.0))
    if peak < 10 ** (SILENT_DB / 20):
        raise MediaError(
            "The reference is silent.",
            path=path,
            hint=f"Give a recording that sounds within its first {READ_S:.0f} seconds.",
        )
    sounding = np.flatnonzero(np.abs(mono) > 0.01 * peak)
    if (sounding[-1] - sounding[0]) / rate_hz < SHORTEST_S:
        raise MediaError(
            "The reference is too short: it sounds for less than 50 milliseconds.",
            path=path,
            hint="Give a longer recording.",
        )
    start = max(0, sounding[0] - round(LEAD_S * rate_hz))
    kept = mono[start : start + round(KEPT_S * rate_hz)]
    return Audio(np.ascontiguousarray(kept[None] * np.float32(LEVEL / peak)), rate_hz)


def _decoded(path: Path, rate_hz: int) -> NDArray[np.float32]:
    """(N,) the first :data:`READ_S` seconds, all channels in one, without rumble, as the
    recordings that models are trained on."""
    try:
        with av.open(
            url(path),
            options={"protocol_whitelist": PROTOCOLS, "format_whitelist": SOUND_FORMATS},
            metadata_errors="replace",
        ) as container:
            if not container.streams.audio:
                raise MediaError(
                    "The reference holds no sound.", path=path, hint=f"Give {KNOWN} that does."
                )
            stream = container.streams.audio[0]
            rate = int(stream.rate or 0)
            parts = list(_mono(container, stream, rate))
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError(
            "The reference cannot be read as sound.", path=path, hint=f"Give {KNOWN}."
        ) from error
    if not parts:
        raise MediaError(
            "The reference holds no sound.", path=path, hint=f"Give {KNOWN} that does."
        )
    mono = np.nan_to_num(np.concatenate(parts)[: round(READ_S * rate)])
    resampled = soxr.resample(mono, rate, rate_hz, quality="HQ")
    return without_rumble(np.asarray(resampled, np.float32), rate_hz)


def _mono(
    container: av.container.InputContainer, stream: object, rate: int
) -> Iterator[NDArray[np.float32]]:
    """Blocks (N,) in one channel, :data:`READ_S` seconds or a little more in all."""
    mixer = av.AudioResampler(format="fltp", layout="mono", rate=rate)
    total = 0
    for frame in container.decode(stream):
        for mono in mixer.resample(frame):
            block = mono.to_ndarray()[0].astype(np.float32, copy=False)
            total += len(block)
            yield block
        if total >= READ_S * rate:
            return
