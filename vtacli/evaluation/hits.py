"""Do the strikes that are seen, or written down, sound when they should?

The same detector hears the model and true sound: held-out recordings laid at the film's own
strikes, by the composer's law of levels. It misses soft blows in both, so every score is also
told as a share of true sound's.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.figures import Figure
from vtacli.evaluation.notebook import Row, digest
from vtacli.evaluation.renders import KEPT_FOR_MEASURING, Render, make_renders
from vtacli.evaluation.spectrogram import save_sound, save_spectrogram
from vtacli.evaluation.statistics import Interval, bootstrap, derangement
from vtacli.evaluation.study import Result, Study
from vtacli.evaluation.take import Hits, cut_to, from_words, watch
from vtacli.signal.media import Audio, Curve
from vtacli.signal.nature import HIT
from vtacli.signal.onsets import find_onsets
from vtacli.training.composer import Composer, decibels, strength_db
from vtacli.training.score import hit_counts

SECTION = "hits"
TOLERANCE_S = 0.08
WAYS = {
    "picture": "hits, picture alone",
    "prompted": "hits, picture and prompt",
    "written": "hits, written",
}
SHUFFLES = 8
"""Derangements that chance is measured over; they cost nothing."""

Counts = NDArray[np.int64]
"""(films, 3): found, false, missed."""


def true_sound(composer: Composer, hits: Hits, duration_s: float, seed: Sequence[int]) -> Audio:
    """One held-out blow laid at every hit, louder for the stronger as in training. (1, N)"""
    rng = np.random.default_rng(list(seed))
    rate = composer.library.rate_hz
    blows = [i for i, s in enumerate(composer.sources.every) if s.kind == HIT]
    source = composer.sources.every[int(rng.choice(blows))]
    blow = composer.wave_of(source)
    wave = np.zeros(round(duration_s * rate), dtype=np.float32)
    for time_s, strength in hits:
        begin = round((time_s - source.lead_s) * rate)
        piece = blow[max(0, -begin) :] * np.float32(decibels(strength_db(strength)))
        begin = max(0, begin)
        piece = piece[: len(wave) - begin]
        wave[begin : begin + len(piece)] += piece
    return Audio(wave[None], rate)


def pooled_f1(counts: Counts) -> float:
    """The F measure over the counts of some films together; NaN where there was nothing to find
    and nothing was heard."""
    found, false, missed = (int(n) for n in counts.sum(axis=0))
    whole = 2 * found + false + missed
    return 2 * found / whole if whole else float("nan")


def counts_of(heard: Sequence[Sequence[float]], true: Sequence[Sequence[float]]) -> Counts:
    """A row a film: what was heard in it against what is true of it."""
    pairs = zip(heard, true, strict=True)
    return np.array([hit_counts(h, t, TOLERANCE_S) for h, t in pairs]).reshape(-1, 3)


def shuffled_counts(
    heard: Sequence[Sequence[float]], true: Sequence[Sequence[float]], seed: int
) -> Counts:
    """Chance: every film's hits against the sound made for another film, over several
    derangements. (films, 3)"""
    rng = np.random.default_rng(seed)
    total = np.zeros((len(true), 3), dtype=np.int64)
    for _ in range(SHUFFLES):
        order = derangement(len(true), rng)
        total += counts_of([heard[j] for j in order], true)
    return total


def share_of(counts: Counts, truth: Counts | None, seed: int = 0) -> Interval:
    """F1 over the truth's F1, both pooled over the same resampled films; F1 alone without it."""

    def statistic(chosen: NDArray[np.int64]) -> float:
        whole = 1.0 if truth is None else pooled_f1(truth[chosen])
        return pooled_f1(counts[chosen]) / whole if whole > 0 else float("nan")

    return bootstrap(len(counts), statistic, seed=seed)


def measure(study: Study) -> Result:
    """Generate for every render in every way, and count."""
    suite = study.suite
    if suite.films < 1:
        return Result([], {})
    renders = make_renders(
        study.out / "films", suite.films, KEPT_FOR_MEASURING + suite.seed, study.report
    )
    films = film_rows(study, renders)
    if study.catalogue is not None:
        study.use("true sound at the films' hits", (r.file for r in study.library.held_out()))
    figures, scores = summary(films, suite.seed)
    return Result(figures, {"films": films, "f1": scores})


def film_rows(study: Study, renders: Sequence[Render]) -> list[dict[str, Any]]:
    """Onsets heard in every way of asking for each film's sound, and the film's truth."""
    suite = study.suite
    book = study.notebook(SECTION, suite.truths)
    shown = {r.film for r in _shown(renders, suite.films_shown)}
    films = []
    for i, render in study.each(SECTION, list(enumerate(renders)), lambda r: r[1].film.stem):
        files = _files(study, render) if render.film in shown else ()
        item = f"{render.film.stem} {digest(render.hits, render.prompt, render.duration_s)}"
        row = book.measured(item, partial(_film, study, render, i), files)
        told = {"film": render.film.stem, "kind": render.kind, "prompt": render.prompt}
        films.append({**told, "shown": render.film in shown, **row})
    return films


def _shown(renders: Sequence[Render], count: int) -> list[Render]:
    """Films that strike first, since there is most to see in them."""
    return sorted(renders, key=lambda r: not r.hits)[:count]


def _files(study: Study, render: Render) -> tuple[Path, ...]:
    stem = study.out / "sound" / f"film-{render.film.stem}"
    ends = ("prompted.flac", "prompted.png", "written.flac", "written.png")
    return tuple(stem.with_name(f"{stem.name}-{end}") for end in ends)


def _film(study: Study, render: Render, number: int) -> Row:
    """Onset times heard in one film's sounds, and what a page shows of them."""
    model, suite, seed = study.model, study.suite, study.suite.seed
    with watch(render.film, study.handle.variant) as seen:
        duration_s = float(seen.duration_s)
        hits = [(t, s) for t, s in render.hits if t < duration_s]
        made = {
            "picture": seen.sound(model, seed),
            "prompted": seen.sound(model, seed, prompt=render.prompt),
            "written": seen.sound(model, seed, prompt=render.prompt, hits=hits),
            "words": cut_to(from_words(model, render.prompt, seed), duration_s),
        }
        motion = seen.motion.between(0.0, duration_s)
        cuts = [float(c) for c in seen.cuts_s]
    heard = {way: [round(t, 3) for t, _ in find_onsets(sound)] for way, sound in made.items()}
    first = {way: study.judge.named(study.judge.hears(sound), 1)[0] for way, sound in made.items()}
    truths = []
    if study.catalogue is not None:
        for take in range(suite.truths if hits else 0):
            sound = true_sound(study.composer, hits, duration_s, (seed, number, take))
            truths.append([round(t, 3) for t, _ in find_onsets(sound)])
    files = _files(study, render)
    for way, (sound_path, picture_path) in (("prompted", files[:2]), ("written", files[2:])):
        save_sound(sound_path, made[way])
        save_spectrogram(picture_path, made[way], wide=640)
    return {
        "duration_s": duration_s,
        "hits": [[round(t, 3), s] for t, s in hits],
        "cuts": cuts,
        "heard": heard,
        "first": first,
        "truths": truths,
        "motion": drawn(motion),
        "files": [f.relative_to(study.out).as_posix() for f in files],
    }


def drawn(motion: Curve, points: int = 320) -> list[list[float]]:
    """A motion curve as (time, energy, onset) points to draw, each the largest of its stretch."""
    if not len(motion):
        return []
    groups = np.array_split(np.arange(len(motion)), min(points, len(motion)))
    return [
        [
            round(float(motion.times_s[g[0]]), 3),
            round(float(motion.values[g, 0].max()), 5),
            round(float(motion.values[g, 1].max()), 3),
        ]
        for g in groups
    ]


def summary(films: Sequence[dict[str, Any]], seed: int) -> tuple[list[Figure], dict[str, Any]]:
    """The table's lines. Films in which nothing strikes count apart: true sound of them would be
    silent, so every onset heard in them is too much, whoever made it."""
    striking = [f for f in films if f["hits"]]
    still = [f for f in films if not f["hits"]]
    figures: list[Figure] = []
    scores: dict[str, Any] = {}
    if striking:
        figures, scores = _of_striking(striking, seed)
    if still:
        figures.append(_too_much(still, seed))
    return figures, scores


def _of_striking(films: Sequence[dict[str, Any]], seed: int) -> tuple[list[Figure], dict[str, Any]]:
    true = [[t for t, _ in f["hits"]] for f in films]
    takes = min(len(f["truths"]) for f in films)
    truth: Counts | None = None
    if takes:
        truth = np.sum(
            [counts_of([f["truths"][k] for f in films], true) for k in range(takes)], axis=0
        )
    heard = {way: [f["heard"][way] for f in films] for way in (*WAYS, "words")}
    counts = {way: counts_of(heard[way], true) for way in heard}
    if len(films) > 1:
        for way, name in (("prompted", "another film's sound"), ("written", "other written hits")):
            counts[name] = shuffled_counts(heard[way], true, seed)
    share = ": F1 / true sound's" if truth is not None else ": F1"
    on = f"{len(films)} renders, ±80 ms" + (f", {takes} takes of true sound" if takes else "")
    marks = {"picture": (0.7, 1.0), "prompted": (0.7, 1.0), "written": (1.0, 1.2)}
    figures = []
    for way, title in WAYS.items():
        floor, goal = marks[way] if truth is not None else (None, None)
        interval = share_of(counts[way], truth, seed)
        figures.append(Figure(f"hits_{way}", title + share, interval, floor, goal, measured=on))
    titles = {
        "words": "control, words alone",
        "another film's sound": "control, another film's sound",
        "other written hits": "control, another film's hits written",
    }
    for name, title in titles.items():
        if name in counts:
            key = "hits_control_" + name.replace(" ", "_").replace("'", "")
            interval = share_of(counts[name], truth, seed)
            figures.append(Figure(key, title + share, interval, measured=on))
    scores: dict[str, Any] = {name: share_of(c, None, seed).to_dict() for name, c in counts.items()}
    if truth is not None:
        interval = share_of(truth, None, seed)
        scores["true sound"] = interval.to_dict()
        figures.append(
            Figure("hits_true_sound", "hits, true sound itself: F1", interval, measured=on)
        )
    scores["by kind"] = {
        kind: {
            way: pooled_f1(counts[way][[i for i, f in enumerate(films) if f["kind"] == kind]])
            for way in WAYS
        }
        for kind in sorted({f["kind"] for f in films})
    }
    scores["median lateness_s"] = {way: _lateness(heard[way], true) for way in WAYS}
    return figures, scores


def _lateness(heard: Sequence[Sequence[float]], true: Sequence[Sequence[float]]) -> float | None:
    """The median of (heard - true) over the nearest onset of each hit that is within reach."""
    late = []
    for onsets, hits in zip(heard, true, strict=True):
        for hit in hits:
            offsets = sorted((onset - hit for onset in onsets), key=abs)
            late += [o for o in offsets[:1] if abs(o) <= TOLERANCE_S]
    return float(np.median(late)) if late else None


def _too_much(films: Sequence[dict[str, Any]], seed: int) -> Figure:
    onsets = np.array([len(f["heard"]["picture"]) for f in films], dtype=np.float64)
    seconds = np.array([f["duration_s"] for f in films])
    interval = bootstrap(len(films), lambda c: float(onsets[c].sum() / seconds[c].sum()), seed=seed)
    return Figure(
        "false_strikes",
        "onsets in films that strike nothing",
        interval,
        more_is_better=False,
        unit="a second",
        measured=f"{len(films)} renders, nothing said",
    )
