"""Real films, dubbed by the product itself, for people to look at and listen to."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from vtacli.dub import dub
from vtacli.errors import VtaError
from vtacli.evaluation.hits import drawn
from vtacli.evaluation.notebook import Row, digest
from vtacli.evaluation.spectrogram import save_spectrogram
from vtacli.evaluation.study import Result, Study
from vtacli.media.audio import OriginalSound
from vtacli.media.ffmpeg import run_ffmpeg
from vtacli.media.probe import Footage, probe
from vtacli.media.video import analyse
from vtacli.model.mini.choice import strikes_of_onsets
from vtacli.options import GenerateOptions, MixOptions
from vtacli.progress import ignore
from vtacli.signal.control import curves_of_motion
from vtacli.signal.media import Audio
from vtacli.signal.onsets import find_onsets

SECTION = "clips"
WIDE = 320


def measure(study: Study) -> Result:
    """Dub every clip with nothing said, its own sound replaced, and make a small copy to play."""
    chosen = list(study.clips[: study.suite.clips])
    book = study.notebook(SECTION, WIDE)
    rows = []
    for clip in study.each(SECTION, chosen, lambda c: c.name):
        name = f"clip-{digest(clip.name, clip.stat().st_size)}"
        files = (study.out / "films" / f"{name}.mp4", study.out / "sound" / f"{name}.png")
        try:
            row = book.measured(
                f"{clip.name} {clip.stat().st_size}", partial(_clip, study, clip, files), files
            )
        except VtaError as error:
            study.warn(f"{error}")
            continue
        rows.append({"film": clip.name, **row})
    return Result([], {"clips": rows})


def _clip(study: Study, clip: Path, files: tuple[Path, Path]) -> Row:
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
    options = GenerateOptions(seed=study.suite.seed, mix=MixOptions(mode="replace"))
    loaded = replace(study.handle, load=lambda: study.model)
    with tempfile.TemporaryDirectory(dir=study.out) as folder:
        dubbed = Path(folder) / "dubbed.mkv"
        made = dub(clip, dubbed, options, loaded, ignore)
        film = probe(dubbed)
        sound = _sound(film)
        _small_copy(dubbed, files[0])
    save_spectrogram(files[1], sound, wide=640)
    found = analyse(probe(clip), frames_per_second=None)
    duration_s = float(film.duration_s)
    onset, _ = curves_of_motion(found.motion, round(duration_s * 100))
    return {
        "duration_s": duration_s,
        "cuts": [float(c) for c in found.cuts_s],
        "motion": drawn(found.motion),
        "hits": [[round(t, 3), round(s, 3)] for t, s in strikes_of_onsets(onset)],
        "heard": [round(t, 3) for t, _ in find_onsets(sound)],
        "seconds": {k: round(v, 2) for k, v in made.seconds.items()},
        "true_peak_dbtp": None if not np.isfinite(p := made.true_peak_dbtp) else round(p, 1),
        "play": files[0].relative_to(study.out).as_posix(),
        "spectrogram": files[1].relative_to(study.out).as_posix(),
    }


def _sound(film: Footage) -> Audio:
    """A film's own track at 16 kHz in mono. (1, N)"""
    blocks = [b.data.mean(axis=0) for b in OriginalSound(film, rate_hz=16_000).blocks()]
    return Audio(np.concatenate(blocks)[None].astype(np.float32), 16_000)


def _small_copy(film: Path, output: Path) -> None:
    """A few hundred kilobytes that every browser plays: H.264 and AAC."""
    partial_file = output.with_suffix(".part")
    picture = ["-vf", f"scale={WIDE}:-2", "-c:v", "libx264", "-preset", "veryfast", "-crf", "30"]
    sound = ["-c:a", "aac", "-b:a", "96k", "-movflags", "+faststart", "-f", "mp4"]
    streams = ["-map", "0:v:0", "-map", "0:a:0", "-pix_fmt", "yuv420p"]
    arguments = ["-y", "-i", f"file:{film}", *streams, *picture, *sound, f"file:{partial_file}"]
    for _ in run_ffmpeg(arguments):
        pass
    partial_file.replace(output)
