"""Exact time: spans, scenes and windows. Fractions of seconds throughout, half-open, absolute.

No float enters here except by an explicit conversion, and samples are made from absolute
boundaries that are rounded once, so that pieces always add up to the whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil


def samples_at(time_s: Fraction, rate_hz: int) -> int:
    """The sample index of an absolute time, rounded half up (never half to even)."""
    return (2 * time_s.numerator * rate_hz + time_s.denominator) // (2 * time_s.denominator)


@dataclass(frozen=True, order=True)
class Span:
    """The half-open interval [start_s, end_s) in seconds."""

    start_s: Fraction
    end_s: Fraction

    def __post_init__(self) -> None:
        if not isinstance(self.start_s, Fraction) or not isinstance(self.end_s, Fraction):
            raise TypeError(f"a Span takes Fractions, got {self.start_s!r}, {self.end_s!r}")
        if self.end_s <= self.start_s:
            raise ValueError(f"a Span needs start < end, got {self.start_s} .. {self.end_s}")

    @property
    def duration_s(self) -> Fraction:
        return self.end_s - self.start_s

    def contains(self, time_s: Fraction) -> bool:
        return self.start_s <= time_s < self.end_s

    def samples(self, rate_hz: int) -> range:
        """The sample indices of this span on the film's own grid."""
        return range(samples_at(self.start_s, rate_hz), samples_at(self.end_s, rate_hz))


@dataclass(frozen=True)
class Hit:
    """A moment that must be heard: absolute film time in seconds, strength in (0, 1]."""

    time_s: Fraction
    strength: float = 1.0


@dataclass(frozen=True)
class Scene:
    """One shot or passage, with what is asked of it: a row of a cue sheet.

    ``prompt``, ``negative`` and ``seed`` of None mean: the choice made for the whole film.
    ``takes``: how many to make. ``gain_db`` is added to the film's. ``mute``: silence, for which
    nothing is made. ``lock``: nothing of it may be made or changed.
    """

    index: int
    span: Span
    prompt: str | None = None
    negative: str | None = None
    seed: int | None = None
    hits: tuple[Hit, ...] = ()
    takes: int = 1
    gain_db: float = 0.0
    mute: bool = False
    lock: bool = False

    @property
    def noise_id(self) -> int:
        """What names the scene's randomness: its start in milliseconds, so that a scene keeps its
        sound when cuts elsewhere come and go. The film's first scene is 0."""
        return samples_at(self.span.start_s, 1000)


@dataclass(frozen=True)
class Window:
    """One call of the model: ``span`` of the film, at most as long as the model's window.

    ``fade_in_s`` overlaps the window before it in the same scene, ``fade_out_s`` the one
    after; zero at the scene's edges.
    """

    scene: int
    index: int
    span: Span
    fade_in_s: Fraction = Fraction(0)
    fade_out_s: Fraction = Fraction(0)


def tile(cuts_s: Iterable[Fraction], duration_s: Fraction, min_scene_s: Fraction) -> list[Span]:
    """Spans between cuts that tile [0, duration) exactly.

    A cut closer than ``min_scene_s`` to the boundary before it, or to the end, is dropped.
    """
    if duration_s <= 0:
        raise ValueError(f"duration must be positive, got {duration_s}")
    edges = [Fraction(0)]
    for cut in sorted(set(cuts_s)):
        inside = edges[-1] < cut < duration_s
        if inside and cut - edges[-1] >= min_scene_s and duration_s - cut >= min_scene_s:
            edges.append(cut)
    edges.append(duration_s)
    return [Span(a, b) for a, b in pairwise(edges)]


def plan_windows(scene: Scene, window_s: Fraction, crossfade_s: Fraction) -> list[Window]:
    """Cover one scene with windows no longer than ``window_s``.

    A scene that fits is one window. A longer one is covered by full windows whose starts are
    evenly spread, so that neighbours overlap by at least ``crossfade_s``; the fade lies in the
    middle of what overlaps, and windows are cut to the end of their fades. A fade of more than a
    third of the window could meet the next one, and raises ValueError.
    """
    if not 0 <= 3 * crossfade_s <= window_s:
        raise ValueError(f"crossfade must be in [0, window / 3], got {crossfade_s} of {window_s}")
    length = scene.span.duration_s
    if length <= window_s:
        return [Window(scene.index, 0, scene.span)]
    count = ceil((length - crossfade_s) / (window_s - crossfade_s))
    stride = (length - window_s) / (count - 1)
    half_unused = (window_s - stride - crossfade_s) / 2
    windows = []
    for i in range(count):
        start = scene.span.start_s + i * stride
        first, last = i == 0, i == count - 1
        windows.append(
            Window(
                scene.index,
                i,
                Span(
                    start if first else start + half_unused,
                    start + window_s if last else start + window_s - half_unused,
                ),
                Fraction(0) if first else crossfade_s,
                Fraction(0) if last else crossfade_s,
            )
        )
    return windows


def plan(scenes: Sequence[Scene], window_s: Fraction, crossfade_s: Fraction) -> list[Window]:
    """The windows of all scenes, in film order."""
    return [w for scene in scenes for w in plan_windows(scene, window_s, crossfade_s)]


def scenes_text(indices: Iterable[int]) -> str:
    """``Scene 3``, ``Scenes 1, 3 and 9``, or ``Scenes 1, 2, 3 and 17 more``."""
    numbers = [str(i + 1) for i in sorted(indices)]
    if len(numbers) == 1:
        return f"Scene {numbers[0]}"
    last = numbers[-1] if len(numbers) <= 6 else f"{len(numbers) - 3} more"
    said = numbers[:-1] if len(numbers) <= 6 else numbers[:3]
    return f"Scenes {', '.join(said)} and {last}"
