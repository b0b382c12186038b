"""Small copies that every browser plays: the picture in H.264, sounds in AAC, in MP4."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import soundfile

from vtacli.errors import ToolError
from vtacli.media.door import PROTOCOLS, url
from vtacli.media.ffmpeg import find_ffmpeg, run_ffmpeg
from vtacli.media.probe import Footage
from vtacli.progress import Report, Step, ignore

WIDE = 640
"""The longer side at most, in pixels."""
MOST_KBITS, FEWEST_KBITS = 1500, 120
"""Of the picture a second. Fewer is nothing that one can judge timing by."""
SOUND_KBITS, TAKE_KBITS = 160, 128
KEY_EVERY = 12
"""Pictures between key frames: close together, so that a jump is quick."""
FASTEST = Fraction(30)
ENCODERS = {
    "libx264": ["-preset", "veryfast", "-crf", "26", "-profile:v", "high"],
    "libopenh264": ["-profile:v", "high"],
    "libvpx-vp9": ["-deadline", "realtime", "-cpu-used", "8", "-crf", "36", "-row-mt", "1"],
}
"""In the order of preference; all of them play from MP4."""


def picture_proxy(
    footage: Footage, output: Path, kbits: int = MOST_KBITS, report: Report = ignore
) -> None:
    """The picture alone, upright, with square pixels, its first picture shown at 0.

    ``kbits``: a ceiling on its bits a second. ``output`` is replaced; what calls this names a
    hidden file. Raises ToolError, StorageError.
    """
    wide, high = proxy_size(footage)
    slower = f",fps={FASTEST}" if footage.frame_rate > FASTEST else ""
    chain = f"setpts=PTS-STARTPTS{slower},scale={wide}:{high},setsar=1,format=yuv420p"
    encoder = picture_encoder()
    _run(
        [
            *_input(footage.path),
            *("-map", f"0:{footage.picture}", "-vf", chain, "-fps_mode", "vfr"),
            *("-c:v", encoder, *ENCODERS[encoder]),
            *("-b:v" if encoder != "libx264" else "-maxrate", f"{kbits}k"),
            *("-bufsize", f"{2 * kbits}k", "-g", str(KEY_EVERY)),
            *("-map_metadata", "-1", "-map_chapters", "-1", "-movflags", "+faststart"),
        ],
        output,
        "picture",
        footage.duration_s,
        report,
    )


def film_proxy(
    picture: Path, sound: Path, output: Path, duration_s: Fraction, report: Report = ignore
) -> None:
    """A picture proxy with a sound, in stereo at most. Raises ToolError, StorageError."""
    _run(
        [
            *(*_input(picture), *("-i", url(sound)), "-map", "0:v", "-map", "1:a"),
            *("-c:v", "copy", *_aac(sound, SOUND_KBITS), "-movflags", "+faststart"),
        ],
        output,
        "sound",
        duration_s,
        report,
    )


def sound_proxy(sound: Path, output: Path, gain_db: float = 0.0) -> None:
    """A sound by itself, in stereo at most. Raises ToolError, StorageError."""
    louder = ["-af", f"volume={gain_db:.2f}dB"] if gain_db else []
    _run(
        [
            "-i",
            url(sound),
            "-map",
            "0:a",
            *louder,
            *_aac(sound, TAKE_KBITS),
            "-movflags",
            "+faststart",
        ],
        output,
        "sound",
        Fraction(1),
        ignore,
    )


def proxy_size(footage: Footage) -> tuple[int, int]:
    """(width, height), even, the longer side :data:`WIDE` at most."""
    wide, high = footage.display_size
    scale = min(Fraction(1), Fraction(WIDE, max(wide, high)))
    return max(2, 2 * round(wide * scale / 2)), max(2, 2 * round(high * scale / 2))


@lru_cache(maxsize=4)
def _encoders(program: str) -> tuple[str, ...]:
    told = subprocess.run(
        [program, "-hide_banner", "-encoders"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    ).stdout
    names = {line.split()[1] for line in told.splitlines() if len(line.split()) > 1}
    return tuple(name for name in ENCODERS if name in names)


def picture_encoder() -> str:
    """The first of :data:`ENCODERS` that the ffmpeg here has. Raises ToolError where none is."""
    program = find_ffmpeg()
    found = _encoders(program)
    if not found:
        raise ToolError(
            f"This ffmpeg has none of the encoders {', '.join(ENCODERS)}.",
            path=program,
            hint="Unset VTA_FFMPEG to use the one that came with vta.",
        )
    return found[0]


def _input(film: Path) -> list[str]:
    return ["-protocol_whitelist", PROTOCOLS, "-i", url(film)]


def _aac(sound: Path, kbits: int) -> list[str]:
    # one channel stays one: spread over two by ffmpeg it would be 3 dB lower
    channels = min(2, soundfile.info(sound).channels)
    return ["-c:a", "aac", "-b:a", f"{kbits}k", "-ac", str(channels), "-ar", "48000"]


def _run(
    arguments: Sequence[str], output: Path, stage: str, duration_s: Fraction, report: Report
) -> None:
    for done_s in run_ffmpeg([*arguments, "-f", "mp4", "-y", url(output)]):
        report(Step(stage, float(min(done_s, duration_s)), float(duration_s)))
    report(Step(stage, float(duration_s), float(duration_s)))
