"""What the composer can place: hits, beds and passages cut from the library's recordings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from vtacli.model.mini.draft import BED, HIT, PASSAGE
from vtacli.training.kinds import nature_of
from vtacli.training.library import Recording, SoundLibrary

LONGEST_S = {HIT: 4.0, BED: 10.24, PASSAGE: 9.0}


@dataclass(frozen=True)
class Source:
    """A stretch of a recording, in seconds from the recording's start.

    ``lead_s`` is the first attack, ``onsets`` all of them as (time, strength), both counted from
    ``start_s``.
    """

    recording: Recording
    label: int
    kind: int
    start_s: float
    end_s: float
    lead_s: float
    onsets: tuple[tuple[float, float], ...]

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


@dataclass(frozen=True)
class Sources:
    """All sources of one side of the split, with the labels that they speak of."""

    every: tuple[Source, ...]
    labels: tuple[str, ...]
    by_label_and_kind: dict[tuple[int, int], tuple[int, ...]]

    def of(self, label: int, kind: int) -> tuple[int, ...]:
        return self.by_label_and_kind.get((label, kind), ())

    def labels_with(self, kind: int) -> list[int]:
        return sorted({label for label, k in self.by_label_and_kind if k == kind})


def cut(library: SoundLibrary, recording: Recording, label: int, blows: int = 6) -> list[Source]:
    """The sources in one recording: itself, and for a passage its clearest single blows."""
    nature = nature_of(library.wave(recording), library.rate_hz)
    end_s = min(nature.end_s, LONGEST_S[nature.kind])
    if end_s < 0.05:
        return []
    onsets = tuple((t, s) for t, s in nature.onsets if t < end_s)
    found = [Source(recording, label, nature.kind, 0.0, end_s, nature.lead_s, onsets)]
    if nature.kind == PASSAGE:
        times = [t for t, _ in nature.onsets] + [nature.end_s]
        gaps = [
            (times[i + 1] - times[i], i)
            for i, (_, strength) in enumerate(nature.onsets)
            if strength > 0.5 and times[i + 1] - times[i] >= 0.18
        ]
        for gap, i in sorted(gaps, reverse=True)[:blows]:
            start = max(0.0, times[i] - 0.02)
            stop = min(start + gap, start + LONGEST_S[HIT], end_s)
            if stop - start > 0.15:
                lead = times[i] - start
                found.append(Source(recording, label, HIT, start, stop, lead, ((lead, 1.0),)))
    return found


def find_sources(library: SoundLibrary, *, held_out: bool) -> Sources:
    """Cut every recording of one side of the split."""
    recordings = library.held_out() if held_out else library.training()
    labels = tuple(sorted({r.label for r in recordings}))
    index = {label: i for i, label in enumerate(labels)}
    every: list[Source] = []
    table: dict[tuple[int, int], list[int]] = defaultdict(list)
    for recording in recordings:
        for source in cut(library, recording, index[recording.label]):
            table[source.label, source.kind].append(len(every))
            every.append(source)
    return Sources(tuple(every), labels, {k: tuple(v) for k, v in table.items()})
