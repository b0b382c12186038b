"""What a clip's sound has to do with its own picture, words and true sound.

Every measure is taken three times: of the sound that was made; of the true sound, or of its two
halves where it is itself what is compared with; and of the sounds made for other films, which is
what the measure gives where nothing fits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from vtacli.evaluation.films.binding import LICENCE
from vtacli.evaluation.films.figure import FilmFigure
from vtacli.evaluation.films.material import Clip, Ears, Heard, Values
from vtacli.evaluation.metrics.classes import divergence
from vtacli.evaluation.metrics.levels import SILENT_DBFS, Levels
from vtacli.evaluation.metrics.offsets import desync
from vtacli.evaluation.metrics.onsets import TOLERANCE_S, OnsetCounts, match_onsets
from vtacli.evaluation.metrics.words import tag_similarity
from vtacli.evaluation.statistics import Interval, of_ratio
from vtacli.signal.av_align import FIRST, PAPER, REVISED, av_align
from vtacli.signal.av_peaks import published_video_peaks

SHUFFLES = 8
"""Other films' sounds that a film is held against, where there are more."""

Share = tuple[float, float]
"""Over and under: a figure is the sum of one over the sum of the other."""

Of = Callable[[Clip, Heard], Share | None]
OWN = "vta"
"""The version's name of AV-Align by this program's own peaks."""


@dataclass(frozen=True)
class Measure:
    """``of`` says a clip's share with some sound, None where there is none to say. ``floor``: the
    same of a clip with its true sound, None where nothing can be said. ``shuffled``: whether
    another film's sound means anything here."""

    key: str
    title: str
    of: Of
    floor: Of | None
    floor_how: str = "true sound"
    shuffled: bool = True
    more_is_better: bool | None = True
    unit: str = ""
    digits: int = 2
    how: str = ""


def figure_of(measure: Measure, clips: Sequence[Clip], seed: int) -> FilmFigure | None:
    """The measure over all clips, None where no clip has it."""
    own = {c.name: s for c in clips if (s := measure.of(c, c.made)) is not None}
    if not own:
        return None
    told = [c for c in clips if c.name in own]
    floor = measure.floor
    floors = [s for c in told if floor and c.true and (s := floor(c, c.true)) is not None]
    chance = _shuffled(measure, told, seed) if measure.shuffled and len(told) > 1 else []
    return FilmFigure(
        key=measure.key,
        title=measure.title,
        made=_interval(list(own.values()), seed),
        floor=_interval(floors, seed) if floors else None,
        ceiling=_interval(chance, seed) if chance else None,
        floor_how=measure.floor_how,
        ceiling_how="sounds made for other films",
        more_is_better=measure.more_is_better,
        unit=measure.unit,
        digits=measure.digits,
        how=measure.how,
        per_clip={name: over / under for name, (over, under) in own.items() if under > 0},
    )


def _interval(shares: Sequence[Share], seed: int) -> Interval:
    return of_ratio([s[0] for s in shares], [s[1] for s in shares], seed)


def _shuffled(measure: Measure, clips: Sequence[Clip], seed: int) -> list[Share]:
    """A row a clip: over its others' sounds, each clip's sound being used as often as any."""
    order = np.random.default_rng(seed).permutation(len(clips))
    shares = []
    for place, at in enumerate(order):
        found = []
        for step in range(1, min(SHUFFLES, len(clips) - 1) + 1):
            other = clips[order[(place + step) % len(clips)]]
            share = measure.of(clips[at], other.made)
            if share is not None:
                found.append(share)
        if found:
            over, under = np.mean(found, axis=0)
            shares.append((float(over), float(under)))
    return shares


def measures(ears: Ears, tolerance_s: float = TOLERANCE_S) -> list[Measure]:
    """Every measure there is, those first that ask whether moments fit."""
    heard_by = ears.listener.name

    def by_hits(clip: Clip, heard: Heard) -> Share | None:
        return _f1(heard, clip, clip.hits_s, tolerance_s)

    found = [_align(v) for v in (OWN, PAPER, FIRST, REVISED)]
    tolerance = f"within {tolerance_s * 1000:.0f} ms, one to one"
    found += [
        Measure(
            "onset_f1_hits",
            "onset F1, known hits",
            by_hits,
            by_hits,
            how=f"onsets against written hits {tolerance}, pooled",
        ),
        Measure(
            "onset_f1_true",
            "onset F1, true sound's onsets",
            _against_true(lambda c, t, h: _f1(h, c, tuple(t.onsets_s), tolerance_s)),
            None,
            how=f"onsets against onsets of the true sound {tolerance}, pooled",
        ),
        Measure(
            "kl",
            f"KL ({heard_by})",
            _against_true(lambda c, t, h: _kl(t.classes, h.classes)),
            lambda c, t: _kl_of_halves(t),
            floor_how="true sound's first half against its second",
            more_is_better=False,
            how="KL(true ‖ made) over classes, in nats",
        ),
        Measure(
            "embedding_distance",
            f"embedding distance ({heard_by})",
            _against_true(lambda c, t, h: _apart(t.embeddings, h.embeddings)),
            lambda c, t: _apart_of_halves(t),
            floor_how="true sound's first half against its second",
            more_is_better=False,
            how="1 - cosine of the mean embeddings, true and made",
        ),
        Measure(
            "tags_to_words",
            "tags-to-words similarity",
            lambda c, h: _words(c, h, ears),
            lambda c, h: _words(c, h, ears),
            how="YAMNet's tags against the caption in vta-mini's text space; no CLAP score",
        ),
    ]
    if hasattr(ears.listener, "point"):
        found.append(
            Measure(
                "clap_score",
                "CLAP score",
                lambda c, h: _clap(c, h, ears),
                lambda c, h: _clap(c, h, ears),
                digits=3,
                how="cosine of the caption and the mean embedding, in CLAP's space",
            )
        )
    if ears.synchrony is not None:
        found.append(
            Measure(
                "desync",
                "DeSync",
                lambda c, h: _desync(c, h, ears),
                lambda c, h: _desync(c, h, ears),
                more_is_better=False,
                unit="s",
                how="Synchformer's offset, first and last 4.8 s, mean of the absolute",
            )
        )
    if ears.binder is not None:
        found.append(
            Measure(
                "ib_score",
                "IB-score",
                lambda c, h: _cosine(c.seen.bound, h.bound),
                lambda c, h: _cosine(c.seen.bound, h.bound),
                digits=3,
                how=f"cosine of picture and sound in ImageBind's space ({LICENCE})",
            )
        )
    return [*found, *_levels()]


def _desync(clip: Clip, heard: Heard, ears: Ears) -> Share | None:
    if ears.synchrony is None or clip.seen.sync is None or heard.sync is None:
        return None
    return desync(ears.synchrony.offsets_s(clip.seen.sync, heard.sync)), 1.0


def _clap(clip: Clip, heard: Heard, ears: Ears) -> Share | None:
    """CLAP's own similarity, where it listens."""
    point = getattr(ears.listener, "point", None)
    if point is None or clip.caption is None or not len(heard.embeddings):
        return None
    return _cosine(point(clip.caption), heard.embeddings.mean(axis=0))


def _cosine(one: Values | None, other: Values | None) -> Share | None:
    """Of two points (D,)."""
    if one is None or other is None:
        return None
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return (float(one @ other) / length, 1.0) if length > 0 else None


def _align(version: str) -> Measure:
    own = version == OWN

    def of(clip: Clip, heard: Heard) -> Share | None:
        sound = _within(heard.onsets_s if own else heard.peaks_s, clip)
        if own:
            picture = clip.seen.strikes_s
        elif clip.seen.flow_px is None:
            return None
        else:
            picture = published_video_peaks(clip.seen.flow_px, clip.seen.frame_rate, version)
        score = av_align(sound, picture, 1 / clip.seen.frame_rate, PAPER if own else version)
        return None if math.isnan(score) else (score, 1.0)

    peaks = "librosa onsets, Farneback flow"
    if own:
        peaks = "own onsets and strikes (which steer vta-mini), paper's formula"
    return Measure(
        f"av_align_{version}".replace("-", "_"),
        f"AV-Align, {version}",
        of,
        of,
        digits=3,
        how=f"{peaks}, one frame",
    )


def _levels() -> list[Measure]:
    return [
        _level("loudness", "loudness", lambda levels: levels.loudness_lufs, "LUFS"),
        _level("true_peak", "true peak", lambda levels: levels.true_peak_dbtp, "dBTP"),
        _level("silent_share", "silent share", lambda levels: levels.silent_share),
        Measure(
            "loudness_off",
            "loudness off true sound",
            _against_true(
                lambda c, t, h: _finite(abs(h.levels.loudness_lufs - t.levels.loudness_lufs))
            ),
            None,
            more_is_better=False,
            unit="LU",
            digits=1,
            how="mean of the absolute difference",
        ),
    ]


def _level(key: str, title: str, of: Callable[[Levels], float], unit: str = "") -> Measure:
    """A level of its own: neither more nor less is better, and no other film has a say in it."""

    def share(clip: Clip, heard: Heard) -> Share | None:
        return _finite(of(heard.levels))

    return Measure(
        key,
        title,
        share,
        share,
        shuffled=False,
        more_is_better=None,
        unit=unit,
        digits=1 if unit else 2,
        how="mean over clips" if unit else f"10 ms steps under {SILENT_DBFS:g} dBFS",
    )


def _finite(value: float) -> Share | None:
    return (value, 1.0) if math.isfinite(value) else None


def _against_true(compare: Callable[[Clip, Heard, Heard], Share | None]) -> Of:
    """``compare`` is given the clip, its true sound, and a sound."""

    def of(clip: Clip, heard: Heard) -> Share | None:
        return None if clip.true is None else compare(clip, clip.true, heard)

    return of


def _within(times_s: Values, clip: Clip) -> Values:
    """What of another film's sound this film has time for."""
    return times_s[times_s < clip.seen.duration_s]


def _f1(
    heard: Heard, clip: Clip, true_s: Sequence[float] | None, tolerance_s: float
) -> Share | None:
    if true_s is None:
        return None
    counts: OnsetCounts = match_onsets(
        list(_within(heard.onsets_s, clip)), list(true_s), tolerance_s
    )
    whole = 2 * counts.found + counts.false + counts.missed
    return (2.0 * counts.found, float(whole)) if whole else None


def _kl(true: Values | None, made: Values | None) -> Share | None:
    if true is None or made is None:
        return None
    return divergence(true.mean(axis=0), made.mean(axis=0)), 1.0


def _apart(one: Values, other: Values) -> Share | None:
    if not len(one) or not len(other):
        return 1.0, 1.0  # silence is like nothing
    a, b = one.mean(axis=0), other.mean(axis=0)
    length = float(np.linalg.norm(a) * np.linalg.norm(b))
    return (1.0 - float(a @ b) / length if length > 0 else 1.0), 1.0


def _kl_of_halves(true: Heard) -> Share | None:
    if true.classes is None or len(true.classes) < 2:
        return None
    middle = len(true.classes) // 2
    return _kl(true.classes[:middle], true.classes[middle:])


def _apart_of_halves(true: Heard) -> Share | None:
    middle = len(true.embeddings) // 2
    return _apart(true.embeddings[:middle], true.embeddings[middle:]) if middle else None


def _words(clip: Clip, heard: Heard, ears: Ears) -> Share | None:
    if clip.caption_point is None or heard.tags is None or ears.words is None:
        return None
    score = tag_similarity(heard.tags, ears.words.class_points, clip.caption_point)
    return None if math.isnan(score) else (score, 1.0)
