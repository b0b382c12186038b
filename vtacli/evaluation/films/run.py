"""The use case: a folder of films, and what was made for them, in; the table and the page out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from fractions import Fraction
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from vtacli import __version__
from vtacli.errors import ConfigError, MediaError, OutputError
from vtacli.evaluation.films.binding import NOT_BOUND, bind
from vtacli.evaluation.films.figure import FilmFigure, clips_csv, figures_csv, markdown
from vtacli.evaluation.films.making import Maker
from vtacli.evaluation.films.material import Clip, Ears, Heard, hear, noise_like
from vtacli.evaluation.films.pairs import Pair
from vtacli.evaluation.films.reading import (
    kept,
    made_sound,
    own_sound,
    see,
    seen_arrays,
    seen_of,
)
from vtacli.evaluation.films.score import figures_of
from vtacli.evaluation.films.showing import Shown, show
from vtacli.evaluation.films.synchrony import SHORTEST_S
from vtacli.evaluation.metrics.onsets import TOLERANCE_S
from vtacli.evaluation.notebook import digest
from vtacli.evaluation.suite import machine, write_json
from vtacli.media.marks import read_hits
from vtacli.media.probe import Footage, probe
from vtacli.progress import Note, Report, Step
from vtacli.signal.media import Audio

EDITION = 1
"""Changes with anything that changes what is kept of a clip."""
SHORT_BY_S = 0.1
"""A made sound that is this much shorter than its film is said to be."""
FEW = 50
"""Clips under which the sets' figures say little."""


@dataclass(frozen=True)
class FilmSettings:
    """``seconds``: of each film, from its start. ``flow_side_px``: as
    :func:`vtacli.evaluation.films.reading.see` takes it. ``tolerance_s``: of an onset."""

    seconds: float = 10.0
    tolerance_s: float = TOLERANCE_S
    flow_side_px: int | None = 360
    seed: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.seconds <= 3600:
            raise ConfigError(f"A film is looked at for 1 to 3600 s, not {self.seconds:g}.")
        if not 0 < self.tolerance_s <= 1:
            raise ConfigError(
                f"A tolerance is more than 0 and at most 1 s, not {self.tolerance_s:g}."
            )
        if self.flow_side_px is not None and self.flow_side_px and self.flow_side_px < 32:
            raise ConfigError("Flow is taken of pictures of 32 pixels or more.")


@dataclass
class FilmScores:
    """What was found. ``left_out``: sentences."""

    figures: list[FilmFigure]
    clips: list[Clip]
    shown: list[Shown]
    left_out: list[str] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)

    def to_dict(self, *, whole: bool = True) -> dict[str, Any]:
        """``whole``: with every clip."""
        answer = {
            **self.about,
            "left_out": self.left_out,
            "figures": [f.to_dict() for f in self.figures],
        }
        if whole:
            answer["clips"] = [
                {
                    "clip": c.name,
                    "duration_s": c.seen.duration_s,
                    "caption": c.caption,
                    "figures": {
                        f.key: f.per_clip[c.name]
                        for f in self.figures
                        if f.per_clip and c.name in f.per_clip
                    },
                    "onsets_s": {
                        "made": [round(float(t), 3) for t in c.made.onsets_s],
                        "true": None
                        if c.true is None
                        else [round(float(t), 3) for t in c.true.onsets_s],
                    },
                    "strikes_s": [round(float(t), 3) for t in c.seen.strikes_s],
                    "levels": {
                        "made": c.made.levels.to_dict(),
                        "true": None if c.true is None else c.true.levels.to_dict(),
                    },
                }
                for c in self.clips
            ]
        return answer


def evaluate_films(
    pairs: Sequence[Pair],
    ears: Ears,
    maker: Maker | None,
    settings: FilmSettings,
    out: Path,
    report: Report,
    left_out: Sequence[str] = (),
) -> FilmScores:
    """Measure, and write scores.json, figures.csv, clips.csv, table.md and index.html into ``out``.

    ``maker`` makes the sounds that are not there yet, None where all are. What was measured is
    kept in ``out/cache`` and answers for as long as files and settings are the same. A film that
    cannot be read is left out and named. Raises OutputError, and ConfigError where none is left.
    """
    _make_folder(out)
    clips: list[Clip] = []
    shown: list[Shown] = []
    missing = list(left_out)
    for number, pair in enumerate(pairs):
        report(Step("films", number, len(pairs), pair.name))
        try:
            clip, look = _clip(pair, ears, maker, settings, out, report)
        except MediaError as error:
            missing.append(f"{pair.film.name}: {error}")
            report(Note(f"{pair.film.name} is left out: {error}", "warning"))
            continue
        clips.append(clip)
        shown.append(look)
    report(Step("films", len(pairs), len(pairs)))
    if not clips:
        raise ConfigError("No film is left to measure.", hint="; ".join(missing[:3]))
    missing += _too_short(clips, ears)
    report(Step("figures", 0, 1))
    figures = figures_of(clips, ears, tolerance_s=settings.tolerance_s, seed=settings.seed)
    report(Step("figures", 1, 1))
    scores = FilmScores(figures, clips, shown, missing, _about(clips, ears, maker, settings))
    write_json(out / "scores.json", scores.to_dict())
    _write(out / "figures.csv", figures_csv(figures))
    _write(out / "clips.csv", clips_csv([c.name for c in clips], figures))
    _write(out / "table.md", markdown(figures) + "\n")
    from vtacli.evaluation.films.page import write_films_page

    write_films_page(out, scores)
    return scores


def _clip(
    pair: Pair, ears: Ears, maker: Maker | None, settings: FilmSettings, out: Path, report: Report
) -> tuple[Clip, Shown]:
    footage = probe(pair.film)
    until_s = min(footage.duration_s, Fraction(settings.seconds))
    bound = [EDITION, float(until_s), ears.listener.name, ears.listener.about, bool(ears.tagger)]
    cache = out / "cache"

    def heard(sound: Audio | None, *key: Any) -> Heard | None:
        if sound is None:
            return None
        # by the samples themselves: whatever file they came from
        name = digest("sound", *bound, sha256(sound.data.tobytes()).hexdigest(), *key)
        found = Heard.of_arrays(kept(cache / f"{name}.npz", lambda: hear(sound, ears).to_arrays()))
        if ears.synchrony is None or key:
            return found
        return replace(found, sync=ears.synchrony.of_sound(sound, until_s, cache))

    pictures = digest("picture", *bound[:2], _stamp(pair.film), settings.flow_side_px)
    seen = seen_of(
        kept(
            cache / f"{pictures}.npz",
            lambda: seen_arrays(see(footage, until_s, flow_side_px=settings.flow_side_px)),
        )
    )
    if ears.synchrony is not None:
        seen = replace(seen, sync=ears.synchrony.of_picture(footage, until_s, cache))
    true = own_sound(footage, until_s)
    made, seconds = _made(pair, maker, until_s, out)
    if seconds < float(until_s) - SHORT_BY_S:
        report(
            Note(
                f"{pair.name}: what was made is {seconds:.2f} s long, "
                f"{float(until_s) - seconds:.2f} s short; the rest counts as silence.",
                "warning",
            )
        )
    made_heard = heard(made)
    assert made_heard is not None
    clip = Clip(
        name=pair.name,
        seen=seen,
        made=made_heard,
        true=heard(true),
        noise=heard(noise_like(true, settings.seed), "noise") if true is not None else None,
        hits_s=_hits(pair, footage, until_s),
        caption=pair.caption,
        caption_point=ears.words.point(pair.caption) if ears.words and pair.caption else None,
    )
    if ears.binder is not None:
        clip = bind(clip, ears.binder, footage, until_s, true, made, cache)
    return clip, show(pair, clip, true, made, out)


def _made(pair: Pair, maker: Maker | None, until_s: Fraction, out: Path) -> tuple[Audio, float]:
    if pair.made is not None:
        return made_sound(pair.made, until_s)
    if maker is None:
        raise ConfigError("there is no sound for this film, and no model to make one")
    return made_sound(maker.sound_for(pair, out / "generated"), until_s)


def _hits(pair: Pair, footage: Footage, until_s: Fraction) -> tuple[float, ...] | None:
    if pair.hits is None:
        return None
    hits = read_hits(pair.hits, footage.duration_s, footage.frame_rate)
    return tuple(float(h.time_s) for h in hits if h.time_s < until_s)


def _stamp(film: Path) -> list[Any]:
    status = film.stat()
    return [film.name, status.st_size, status.st_mtime_ns]


def _about(
    clips: Sequence[Clip], ears: Ears, maker: Maker | None, settings: FilmSettings
) -> dict[str, Any]:
    with_truth = sum(c.true is not None for c in clips)
    return {
        "program": f"vta {__version__}",
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "made_by": None if maker is None else maker.to_dict(),
        "listener": {"name": ears.listener.name, "about": ears.listener.about},
        "clip_count": len(clips),
        "with_true_sound": with_truth,
        "seconds_of_sound": round(float(np.sum([c.seen.duration_s for c in clips])), 2),
        "few": with_truth < FEW,
        "settings": asdict(settings),
        "imagebind": None if ears.binder is None else ears.binder.about,
        "machine": machine(),
        "not_measured": [*ears.left_out, *([] if ears.binder else [NOT_BOUND])],
    }


def _too_short(clips: Sequence[Clip], ears: Ears) -> list[str]:
    short = [c.name for c in clips if c.seen.sync is None]
    if ears.synchrony is None or not short:
        return []
    named = ", ".join(short[:3]) + (f" and {len(short) - 3} more" if len(short) > 3 else "")
    return [f"DeSync of {named}: shorter than the {SHORTEST_S:g} s that it is heard over."]


def _make_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"The folder cannot be made: {reason}.", path=out) from error


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise OutputError(
            f"It cannot be written: {(error.strerror or '').lower()}.", path=path
        ) from error
