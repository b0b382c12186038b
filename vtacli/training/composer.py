"""Windows without end from a few thousand recordings: placed by a pattern, so exactly known.

What is said of a window are its labels; when it strikes is the pattern that placed the blows.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.signal import fftconvolve

from vtacli.model.mini.draft import BED, HIT, PASSAGE
from vtacli.signal.onsets import envelope
from vtacli.training.library import SoundLibrary
from vtacli.training.patterns import draw
from vtacli.training.sources import Source, Sources


@dataclass(frozen=True)
class Event:
    """One placed source: its index, when its first attack (or its start, for a bed) sounds, and
    until when."""

    source: int
    at_s: float
    until_s: float
    label: int
    kind: int


@dataclass
class Composition:
    """``wave``: (N,) float32. ``hits``: (time, strength). ``action``: (frames,) level at 100 Hz of
    what moves: hits and passages, not beds. ``caption`` is empty for silence."""

    wave: NDArray[np.float32]
    action: NDArray[np.float32]
    caption: str
    labels: list[int] = field(default_factory=list)
    hits: list[tuple[float, float]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)


def decibels(db: float) -> float:
    return float(10 ** (db / 20))


def strength_db(strength: float) -> float:
    """Level of a blow: full strength 0 dB, a tenth -30 dB."""
    return float(30 * np.log10(max(strength, 0.05)))


class Composer:
    """Draws compositions of ``window_s`` seconds from one side of the library's split."""

    def __init__(self, library: SoundLibrary, sources: Sources, window_s: float):
        self.library = library
        self.sources = sources
        self.window_s = window_s
        self.samples = round(window_s * library.rate_hz)
        self.labels_with = {k: np.array(sources.labels_with(k)) for k in (HIT, BED, PASSAGE)}

    def wave_of(self, source: Source) -> NDArray[np.float32]:
        """The source's sound with its peak at full scale and its end faded. (N,)"""
        rate = self.library.rate_hz
        whole = self.library.wave(source.recording)
        part = whole[round(source.start_s * rate) : round(source.end_s * rate)].copy()
        part /= max(1e-4, float(np.abs(part).max(initial=0)))
        fade = min(len(part), rate // 50)
        part[len(part) - fade :] *= np.linspace(1, 0, fade, dtype=np.float32)
        return part

    def _pick(self, rng: np.random.Generator, label: int, kind: int) -> int:
        return int(rng.choice(self.sources.of(label, kind)))

    def _lay_hits(
        self, rng: np.random.Generator, label: int, made: Composition, gain: float
    ) -> None:
        rate, one = self.library.rate_hz, self._pick(rng, label, HIT)
        same = rng.random() < 0.6
        pattern = draw(rng, self.window_s)
        for i, (time_s, strength) in enumerate(pattern):
            index = one if same else self._pick(rng, label, HIT)
            source = self.sources.every[index]
            wave = self.wave_of(source) * gain * decibels(strength_db(strength))
            begin = round((time_s - source.lead_s) * rate)
            wave = wave[max(0, -begin) :]
            begin = max(0, begin)
            wave = wave[: self.samples - begin]
            made.wave[begin : begin + len(wave)] += wave
            made.hits.append((time_s, strength))
            later = pattern[i + 1][0] if i + 1 < len(pattern) else self.window_s
            until = min(later, time_s - source.lead_s + source.duration_s)
            made.events.append(Event(index, time_s, until, label, HIT))
        made.labels.append(label)

    def _lay_bed(
        self, rng: np.random.Generator, label: int, gain: float
    ) -> tuple[Event, NDArray[np.float32]]:
        index = self._pick(rng, label, BED)
        wave = self.wave_of(self.sources.every[index]) * gain
        out = np.zeros(self.samples, dtype=np.float32)
        overlap = min(len(wave) // 3, self.library.rate_hz // 2)
        ramp = np.sqrt(np.linspace(0, 1, overlap, dtype=np.float32))
        position = 0
        while position < self.samples:
            piece = wave.copy()
            if position:
                piece[:overlap] *= ramp
            piece[len(piece) - overlap :] *= ramp[::-1]
            piece = piece[: self.samples - position]
            out[position : position + len(piece)] += piece
            position += max(1, len(wave) - overlap)
        return Event(index, 0.0, self.window_s, label, BED), out

    def _lay_passage(
        self, rng: np.random.Generator, label: int, made: Composition, gain: float
    ) -> None:
        rate, index = self.library.rate_hz, self._pick(rng, label, PASSAGE)
        source = self.sources.every[index]
        wave = self.wave_of(source) * gain
        start_s = float(rng.uniform(0, max(0.3, self.window_s - source.duration_s)))
        begin = round(start_s * rate)
        wave = wave[: self.samples - begin]
        made.wave[begin : begin + len(wave)] += wave
        made.hits += [(t + start_s, s) for t, s in source.onsets if t + start_s < self.window_s]
        until = min(self.window_s, start_s + source.duration_s)
        made.events.append(Event(index, start_s + source.lead_s, until, label, PASSAGE))
        made.labels.append(label)

    def _room(self, rng: np.random.Generator, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """A reverberant tail: exponentially decaying noise, mixed in lightly."""
        rate = self.library.rate_hz
        decay_s = rng.uniform(0.1, 0.9)
        time = np.arange(int(decay_s * rate)) / rate
        tail = rng.standard_normal(len(time)) * np.exp(-6.9 * time / decay_s)
        tail[: rate // 200] = 0
        tail /= np.sqrt(np.sum(tail**2))
        wet = fftconvolve(wave, tail)[: len(wave)] * rng.uniform(0.05, 0.35)
        return np.asarray(wave + wet, dtype=np.float32)

    def compose(self, rng: np.random.Generator) -> Composition:
        """One window: silence 5 %, hits 40 %, hits on a bed 17 %, bed 18 %, passage 20 %."""
        frames = round(self.window_s * 100)
        made = Composition(np.zeros(self.samples, np.float32), np.zeros(frames, np.float32), "")
        kind = rng.choice(5, p=(0.05, 0.40, 0.17, 0.18, 0.20))
        if kind == 0:
            return made
        gain = decibels(rng.uniform(-14, -1))
        if kind in (1, 2):
            for i in range(2 if rng.random() < 0.25 else 1):
                label = int(rng.choice(self.labels_with[HIT]))
                self._lay_hits(rng, label, made, gain * decibels(rng.uniform(-8, 0) if i else 0))
        if kind == 4:
            self._lay_passage(rng, int(rng.choice(self.labels_with[PASSAGE])), made, gain)
        if rng.random() < 0.4 and kind != 3:
            made.wave = self._room(rng, made.wave)
        made.action = envelope(made.wave, self.library.rate_hz).astype(np.float32)
        if kind in (2, 3):
            label = int(rng.choice(self.labels_with[BED]))
            level = rng.uniform(-30, -12) if kind == 2 else rng.uniform(-22, -6)
            event, bed = self._lay_bed(rng, label, decibels(level))
            made.wave += bed
            made.events.insert(0, event)
            made.labels.append(label)
        made.hits.sort()
        peak = float(np.abs(made.wave).max())
        if peak > 0.99:
            made.wave *= 0.99 / peak
        made.caption = self._caption(rng, made.labels)
        return made

    def _caption(self, rng: np.random.Generator, labels: list[int]) -> str:
        names = [self.sources.labels[i] for i in dict.fromkeys(labels)]
        text = (" and ", ", ", " with ")[int(rng.integers(3))].join(names)
        return ("{}", "{} sound", "sound of {}", "a {}")[int(rng.integers(4))].format(text)
