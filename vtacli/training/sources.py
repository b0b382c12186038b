"""What the composer can place: hits, beds and passages cut from the library's recordings."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from vtacli.signal.nature import Stretch, stretches
from vtacli.training.library import Recording, SoundLibrary


@dataclass(frozen=True)
class Source(Stretch):
    """A stretch of a recording that is known by name."""

    recording: Recording
    label: int


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
    return [
        Source(s.kind, s.start_s, s.end_s, s.lead_s, s.onsets, recording, label)
        for s in stretches(library.wave(recording), library.rate_hz, blows)
    ]


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
