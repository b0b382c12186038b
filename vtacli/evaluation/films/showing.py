"""The small files that a page of films shows: a silent picture, each sound, and what it looks
like."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from vtacli.evaluation.films.material import Clip
from vtacli.evaluation.films.pairs import Pair
from vtacli.evaluation.listening_to import mono_at
from vtacli.evaluation.notebook import digest
from vtacli.evaluation.spectrogram import save_sound, save_spectrogram
from vtacli.media.ffmpeg import run_ffmpeg
from vtacli.signal.media import Audio
from vtacli.signal.mel import RATE_HZ

WIDE = 480


@dataclass(frozen=True)
class Shown:
    """Names of files beside the page; of the true sound None where there is none."""

    picture: str
    made: str
    made_spectrogram: str
    true: str | None = None
    true_spectrogram: str | None = None


def show(pair: Pair, clip: Clip, true: Audio | None, made: Audio, out: Path) -> Shown:
    """Write what is shown of a clip under ``out``. The names of files say nothing of the clip."""
    status = pair.film.stat()
    name = digest(pair.name, status.st_size, status.st_mtime_ns, clip.seen.duration_s)
    picture = out / "show" / f"{name}.mp4"
    silent_copy(pair.film, picture, clip.seen.duration_s)
    files = {}
    for kind, sound in (("made", made), ("true", true)):
        if sound is not None:
            wave, look = (out / "show" / f"{name}-{kind}.{s}" for s in ("flac", "png"))
            save_sound(wave, sound)
            mono = np.ascontiguousarray(mono_at(sound, RATE_HZ)[None])
            save_spectrogram(look, Audio(mono, RATE_HZ), wide=640)
            files[kind], files[f"{kind}_spectrogram"] = (
                p.relative_to(out).as_posix() for p in (wave, look)
            )
    return Shown(picture=picture.relative_to(out).as_posix(), **files)


def silent_copy(film: Path, output: Path, seconds: float | Fraction) -> None:
    """A small H.264 copy of a film's picture that every browser plays, without sound, made where
    it is not there."""
    if output.is_file():
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_suffix(".part")
    inputs = ["-y", "-i", f"file:{film}", "-t", f"{float(seconds):.6f}", "-map", "0:v:0", "-an"]
    even = f"scale='trunc(min({WIDE},iw)/2)*2':-2"
    picture = ["-vf", even, "-c:v", "libx264", "-preset", "veryfast", "-crf", "27"]
    coded = ["-pix_fmt", "yuv420p", "-g", "24", "-movflags", "+faststart"]
    clean = ["-map_metadata", "-1", "-map_chapters", "-1", "-sn", "-dn"]
    for _ in run_ffmpeg([*inputs, *clean, *picture, *coded, "-f", "mp4", f"file:{partial}"]):
        pass
    partial.replace(output)
