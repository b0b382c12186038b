"""The recordings that a model is held against: those that no stage of its training saw."""

from __future__ import annotations

import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vtacli.errors import ConfigError
from vtacli.progress import Report, Step
from vtacli.training.labels import kept, label_of
from vtacli.training.library import (
    Recording,
    SoundLibrary,
    is_held_out,
    read_manifest,
    read_recording,
)
from vtacli.training.series import apart

RATE_HZ = 16_000
HELD_OUT_SHARE = 0.06
"""The share that the recipes hold out: `vtacli.training.library.open_library`'s own."""
AT_MOST_S = 20.0
"""More of a recording is not listened to."""


@dataclass(frozen=True)
class Catalogue:
    """The manifests' rows of one or more folders, and where each file lies. Nothing is decoded
    before it is needed. ``digest``: of the manifests and the labels."""

    recordings: tuple[Recording, ...]
    folders: dict[str, Path]
    digest: str

    def wave(self, recording: Recording) -> NDArray[np.float32]:
        """(N,) float32 at 16 kHz, at most :data:`AT_MOST_S`. Raises MediaError."""
        path = self.folders[recording.file] / recording.file
        return read_recording(path, RATE_HZ, AT_MOST_S).astype(np.float32) / np.float32(32768)

    def matching(self, pattern: str, at_most: int) -> list[Recording]:
        """Recordings whose cleaned label the pattern is found in: held-out ones first, then in an
        order that depends on their names alone."""
        found = [r for r in self.recordings if re.search(pattern, r.label)]
        found.sort(key=lambda r: (not r.held_out, sha256(r.file.encode()).digest()))
        return found[:at_most]

    @cached_property
    def strict(self) -> frozenset[str]:
        """Held-out files that share neither a series of takes nor an author with any other
        recording of these folders that is trained on."""
        held = [r for r in self.recordings if r.held_out]
        return frozenset(
            r.file for r in apart(held, [r for r in self.recordings if not r.held_out])
        )

    def held_out_library(self, report: Report) -> SoundLibrary:
        """The held-out side alone, decoded, as training code knows it."""
        chosen = [r for r in self.recordings if r.held_out]
        if not chosen:
            raise ConfigError(
                "no recording of these folders is held out, so there is nothing to hold a "
                "model against",
                hint="Give the folder that the model was trained on; 6 % of it is held out.",
            )
        waves: list[NDArray[np.int16]] = []
        with ThreadPoolExecutor(2) as pool:
            for wave in pool.map(self._samples, chosen):
                waves.append(wave)
                report(Step("read recordings", len(waves), len(chosen)))
        starts = np.concatenate([[0], np.cumsum([len(w) for w in waves])])
        placed = tuple(
            replace(r, start=int(start), length=len(wave))
            for r, wave, start in zip(chosen, waves, starts, strict=False)
        )
        return SoundLibrary(np.concatenate(waves), placed, RATE_HZ, self.digest)

    def _samples(self, recording: Recording) -> NDArray[np.int16]:
        return read_recording(self.folders[recording.file] / recording.file, RATE_HZ, AT_MOST_S)


def open_catalogue(folders: Sequence[Path]) -> Catalogue:
    """Read each folder's manifest.csv (file, seconds, label, licence, author, source).

    Raises ConfigError where one has none or a bad one, or two folders have a file of one name.
    """
    recordings: list[Recording] = []
    where: dict[str, Path] = {}
    hashes = []
    for folder in folders:
        rows = read_manifest(folder)
        manifest = folder / "manifest.csv"
        hashes.append(sha256(manifest.read_bytes()).hexdigest())
        for row in _kept(rows, manifest):
            if row["file"] in where:
                raise ConfigError(
                    f"two manifests list {row['file']!r}", path=manifest, hint="Rename one."
                )
            where[row["file"]] = folder
            recordings.append(
                Recording(
                    file=row["file"],
                    label=label_of(row),
                    start=0,
                    length=0,
                    held_out=is_held_out(row["file"], HELD_OUT_SHARE),
                    licence=row["licence"],
                    author=row["author"],
                    source=row["source"],
                )
            )
    names = sha256(" ".join(f"{r.file} {r.label}" for r in recordings).encode()).hexdigest()
    return Catalogue(
        tuple(recordings), where, sha256(" ".join([*hashes, names]).encode()).hexdigest()
    )


def _kept(rows: list[dict[str, str]], manifest: Path) -> list[dict[str, str]]:
    try:
        return [row for row in rows if kept(row)]
    except ValueError as error:
        raise ConfigError(
            f"the manifest is not one of recordings: {error}", path=manifest
        ) from error
