"""The recordings that a model is held against: those that no stage of its training saw."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vtacli.errors import ConfigError
from vtacli.progress import Report, Step
from vtacli.training.labels import clean_label, kept
from vtacli.training.library import Recording, SoundLibrary, is_held_out, read_recording

RATE_HZ = 16_000
HELD_OUT_SHARE = 0.06
"""The share that the recipes hold out: `vtacli.training.library.open_library`'s own."""
AT_MOST_S = 20.0
"""More of a recording is not listened to."""


@dataclass(frozen=True)
class Catalogue:
    """The manifests' rows of one or more folders, and where each file lies. Nothing is decoded
    before it is needed. ``digest``: of the manifests."""

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

    Raises ConfigError where one has none, or two folders have a file of one name.
    """
    recordings: list[Recording] = []
    where: dict[str, Path] = {}
    hashes = []
    for folder in folders:
        manifest = folder / "manifest.csv"
        if not manifest.is_file():
            raise ConfigError(
                "there is no manifest.csv in the folder of sounds",
                path=folder,
                hint="Give the folder that holds it with --sounds.",
            )
        hashes.append(sha256(manifest.read_bytes()).hexdigest())
        with manifest.open(newline="", encoding="utf-8") as handle:
            for row in _rows(csv.DictReader(handle), manifest):
                if row["file"] in where:
                    raise ConfigError(
                        f"two manifests list {row['file']!r}", path=manifest, hint="Rename one."
                    )
                where[row["file"]] = folder
                recordings.append(
                    Recording(
                        file=row["file"],
                        label=clean_label(row["label"]),
                        start=0,
                        length=0,
                        held_out=is_held_out(row["file"], HELD_OUT_SHARE),
                        licence=row["licence"],
                        author=row["author"],
                        source=row["source"],
                    )
                )
    return Catalogue(tuple(recordings), where, sha256(" ".join(hashes).encode()).hexdigest())


def _rows(reader: Iterable[dict[str, str]], manifest: Path) -> list[dict[str, str]]:
    try:
        return [row for row in reader if kept(row)]
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigError(
            f"the manifest is not one of recordings: {error}",
            path=manifest,
            hint="Its columns are file, seconds, label, licence, author, source.",
        ) from error
