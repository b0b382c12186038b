"""From folders of films to a test: files without names, a page, and the key to both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from vtacli.errors import ConfigError, OutputError, VtaError
from vtacli.evaluation.films.page import write_page_of
from vtacli.evaluation.films.pairs import find_pairs
from vtacli.evaluation.films.reading import RATE_HZ, made_sound, own_sound
from vtacli.evaluation.listening.plan import (
    BOTH,
    GRADES,
    MOS_QUESTIONS,
    PAIR_QUESTIONS,
    Plan,
    plan_test,
)
from vtacli.evaluation.metrics.levels import levels_of
from vtacli.evaluation.suite import write_json
from vtacli.media.audio import write_wav
from vtacli.media.ffmpeg import run_ffmpeg
from vtacli.media.probe import probe
from vtacli.progress import Note, Report, Step
from vtacli.signal.loudness import from_db
from vtacli.signal.media import Audio

FOLDER, PAGE, KEY, FILES = "listen", "index.html", "key.json", "files"
"""The folder ``listen`` is all that listeners get; the key stays beside it."""
TRUE = "true sound"
TARGET_LUFS, CEILING_DBTP = -23.0, -1.0
WIDE = 640


@dataclass(frozen=True)
class Test:
    """What was made. ``left_out``: sentences."""

    page: Path
    key: Path
    clips: int
    systems: tuple[str, ...]
    trials: int
    left_out: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        facts = asdict(self)
        return {**facts, "page": str(self.page), "key": str(self.key)}


def make_listening_test(
    films: Path,
    generated: Sequence[Path],
    out: Path,
    report: Report,
    *,
    kind: str = BOTH,
    seconds: float = 10.0,
    seed: int = 0,
) -> Test:
    """Write a test into ``out``: the folder ``listen`` for the listeners, ``key.json`` for whoever
    reads their answers.

    The systems are the folders ``generated``, by their names, and the films' own sound. Every
    sound is brought to -23 LUFS, as far as a true peak of -1 dBTP allows, so that the louder one
    is not the better one. Raises ConfigError, OutputError and MediaError.
    """
    names = [g.resolve().name for g in generated]
    if len(set(names)) < len(names) or TRUE in names:
        raise ConfigError(
            "two folders of --generated have one name", hint="A system is called by its folder."
        )
    sources: dict[str, dict[str, Path]] = {}
    left_out: list[str] = []
    films_of: dict[str, Path] = {}
    for name, folder in zip(names, generated, strict=True):
        pairs, missing = find_pairs(films, folder)
        left_out += [f"{name}: {m}" for m in missing]
        for pair in pairs:
            films_of[pair.name] = pair.film
            if pair.made is not None:
                sources.setdefault(pair.name, {})[name] = pair.made
    for pair in find_pairs(films)[0]:
        if probe(pair.film).audio and (pair.name in sources or not generated):
            films_of[pair.name] = pair.film
            sources.setdefault(pair.name, {})[TRUE] = pair.film
    plan = plan_test([(c, sorted(s)) for c, s in sorted(sources.items())], kind, seed)
    place = out / FOLDER
    _folder(place / FILES)
    for number, item in enumerate(plan.items):
        report(Step("listening test", number, len(plan.items), item.clip))
        try:
            _write_item(
                films_of[item.clip],
                None if item.system == TRUE else sources[item.clip][item.system],
                place / FILES / f"{item.code}.mp4",
                seconds,
            )
        except VtaError as error:
            report(Note(f"{item.clip}, {item.system}: {error}", "warning"))
            raise
    report(Step("listening test", len(plan.items), len(plan.items)))
    write_json(out / KEY, plan.key())
    write_page_of("listening.html", place / PAGE, {"test": page_values(plan)})
    systems = tuple(sorted({i.system for i in plan.items}))
    return Test(place / PAGE, out / KEY, len(sources), systems, len(plan.trials), tuple(left_out))


def page_values(plan: Plan) -> dict[str, Any]:
    """All that the page knows: nothing of clips and systems."""
    return {
        "test": plan.test,
        "files": FILES,
        "trials": [asdict(t) for t in plan.trials],
        "questions": {"pairs": PAIR_QUESTIONS, "mos": MOS_QUESTIONS},
        "grades": GRADES,
    }


def equally_loud(sound: Audio) -> Audio:
    """At -23 LUFS, or as near as a true peak of -1 dBTP allows; silence as it is."""
    levels = levels_of(sound)
    if not isfinite(levels.loudness_lufs):
        return sound
    gain_db = min(TARGET_LUFS - levels.loudness_lufs, CEILING_DBTP - levels.true_peak_dbtp)
    return Audio((sound.data * np.float32(from_db(gain_db))).astype(np.float32), sound.rate_hz)


def _write_item(film: Path, made: Path | None, output: Path, seconds: float) -> None:
    """A small copy of the film with one sound, without a word of where it comes from."""
    footage = probe(film)
    until_s = min(footage.duration_s, Fraction(seconds))
    sound = own_sound(footage, until_s) if made is None else made_sound(made, until_s)[0]
    assert sound is not None
    # all in stereo at one rate: a listener shall not tell systems by their number of channels
    stereo = sound.data
    if sound.channels != 2:
        stereo = np.repeat(sound.data.mean(axis=0)[None], 2, axis=0)
    levelled = equally_loud(Audio(np.ascontiguousarray(stereo, np.float32), RATE_HZ))
    wav, partial = output.with_suffix(".wav"), output.with_suffix(".part")
    try:
        write_wav(wav, [levelled], rate_hz=RATE_HZ, channels=2, length=len(levelled))
        inputs = ["-y", "-t", f"{float(until_s):.6f}", "-i", f"file:{film}", "-i", f"file:{wav}"]
        streams = ["-map", "0:v:0", "-map", "1:a:0", "-map_metadata", "-1", "-map_chapters", "-1"]
        even = f"scale='trunc(min({WIDE},iw)/2)*2':-2"
        picture = ["-vf", even, "-c:v", "libx264", "-preset", "veryfast", "-crf", "23"]
        coded = ["-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "256k", "-movflags", "+faststart"]
        plain = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact"]
        end = ["-f", "mp4", f"file:{partial}"]
        for _ in run_ffmpeg([*inputs, *streams, *picture, *coded, *plain, *end]):
            pass
        partial.replace(output)
    finally:
        wav.unlink(missing_ok=True)
        partial.unlink(missing_ok=True)


def _folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"The folder cannot be made: {reason}.", path=folder) from error
