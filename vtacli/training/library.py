"""Folders of recordings with a manifest, decoded once into one array that fits in memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from vtacli.errors import ConfigError, MediaError
from vtacli.signal.rumble import without_rumble
from vtacli.training.labels import kept, label_of
from vtacli.training.series import apart

COLUMNS = ("file", "seconds", "label", "licence", "author", "source")
FORMAT = 3
"""Of the cache; another number makes it anew."""


@dataclass(frozen=True)
class Recording:
    """One file: where its samples lie, what it is called, and who is to be thanked."""

    file: str
    label: str
    start: int
    length: int
    held_out: bool
    licence: str
    author: str
    source: str


@dataclass(frozen=True)
class SoundLibrary:
    """``samples``: (N,) int16 mono at ``rate_hz``; each recording is a stretch of it."""

    samples: NDArray[np.int16]
    recordings: tuple[Recording, ...]
    rate_hz: int
    manifest_sha256: str

    @property
    def fingerprint(self) -> str:
        """A hash of what is in it, under which labels, on which side: what is made of a library
        holds for another one with the same fingerprint."""
        said = [(r.file, r.label, r.start, r.length, r.held_out) for r in self.recordings]
        return sha256(json.dumps([self.rate_hz, said]).encode()).hexdigest()

    def wave(self, recording: Recording) -> NDArray[np.float32]:
        """(length,) float32, full scale 1."""
        part = self.samples[recording.start : recording.start + recording.length]
        return part.astype(np.float32) / np.float32(32768)

    def training(self) -> list[Recording]:
        return [r for r in self.recordings if not r.held_out]

    def held_out(self, *, strict: bool = False) -> list[Recording]:
        """The recordings kept from training; ``strict``: only those that share neither a series of
        takes nor an author with it, see :mod:`vtacli.training.series`."""
        chosen = [r for r in self.recordings if r.held_out]
        return apart(chosen, self.training()) if strict else chosen


def is_held_out(file: str, share: float) -> bool:
    """Whether a recording is kept from training: decided by its name alone, for ever."""
    return int.from_bytes(sha256(file.encode()).digest()[:4], "big") < share * 2**32


def read_recording(path: Path, rate_hz: int, at_most_s: float) -> NDArray[np.int16]:
    """Mono samples at ``rate_hz`` without the rumble below :data:`vtacli.signal.rumble.LOWEST_HZ`.

    Raises MediaError where the file cannot be decoded.
    """
    parts, total = [], 0
    try:
        with av.open(f"file:{path}", options={"protocol_whitelist": "file"}) as container:
            stream = container.streams.audio[0]
            rate = stream.rate
            flat = av.AudioResampler(format="fltp", layout="mono", rate=rate)
            for frame in container.decode(stream):
                for mono in flat.resample(frame):
                    parts.append(mono.to_ndarray()[0])
                    total += len(parts[-1])
                if total >= at_most_s * rate:
                    break
    except (av.FFmpegError, IndexError) as error:
        raise MediaError("cannot be decoded as sound", path=path) from error
    if not parts:
        raise MediaError("holds no samples", path=path)
    mono = np.concatenate(parts)[: int(at_most_s * rate)]
    resampled = soxr.resample(mono, rate, rate_hz, quality="HQ")
    clean = without_rumble(resampled, rate_hz)
    return np.asarray(np.clip(np.round(clean * 32767), -32768, 32767), dtype=np.int16)


def read_manifest(folder: Path) -> list[dict[str, str]]:
    """All rows of ``folder/manifest.csv``. Raises ConfigError where there is none, or it lacks a
    column."""
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise ConfigError(
            "there is no manifest.csv in the folder of sounds",
            path=folder,
            hint="Give the folder that holds it with --sounds.",
        )
    with manifest.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    if missing := [c for c in COLUMNS if rows and rows[0].get(c) is None]:
        raise ConfigError(f"the manifest has no column {missing[0]!r}", path=manifest)
    return rows


def _kept_rows(folders: Iterable[Path]) -> list[tuple[Path, dict[str, str]]]:
    found: dict[str, tuple[Path, dict[str, str]]] = {}
    for folder in folders:
        for row in read_manifest(folder):
            if not kept(row):
                continue
            if row["file"] in found:
                # The name decides the side of the split, so it must mean one recording.
                raise ConfigError(
                    f"{row['file']!r} is also in {found[row['file']][0]}",
                    path=folder / "manifest.csv",
                    hint="Rename one of the two, or leave one folder out.",
                )
            found[row["file"]] = (folder, row)
    return list(found.values())


def _digest(folders: Sequence[Path]) -> str:
    hashes = [sha256((folder / "manifest.csv").read_bytes()).hexdigest() for folder in folders]
    return hashes[0] if len(hashes) == 1 else sha256(" ".join(hashes).encode()).hexdigest()


def open_library(
    folders: Path | Sequence[Path],
    cache: Path,
    *,
    rate_hz: int = 16_000,
    held_out_share: float = 0.06,
    at_most_s: float = 120.0,
    on_file: Callable[[int, int], None] = lambda done, total: None,
) -> SoundLibrary:
    """Decode the recordings of one folder's ``manifest.csv``, or of several folders', or read them
    back from ``cache``.

    A manifest has columns file, seconds, label, licence, author, source. Whether a recording is
    held out depends on its file name alone, whatever folders are read. The cache is bound to the
    manifests, to what was found unfit, to the labels and to the arguments; else it is made anew.
    Raises ConfigError for a bad manifest, MediaError for a recording that cannot be decoded.
    """
    folders = [folders] if isinstance(folders, Path) else list(folders)
    rows = _kept_rows(folders)
    if not rows:
        raise ConfigError("the manifest lists no recording that is fit", path=folders[0])
    digest = _digest(folders)
    names = [(row["file"], label_of(row)) for _, row in rows]
    key = {
        "manifest": digest,
        "named": sha256(json.dumps(names).encode()).hexdigest(),
        "rate": rate_hz,
        "held": held_out_share,
        "most": at_most_s,
        "v": FORMAT,
    }
    index, array = cache / "library.json", cache / "library.npy"
    if index.is_file() and array.is_file():
        stored = json.loads(index.read_text())
        if stored["key"] == key:
            return SoundLibrary(
                np.load(array, mmap_mode="r"),
                tuple(Recording(**r) for r in stored["recordings"]),
                rate_hz,
                digest,
            )
    with ThreadPoolExecutor(2) as pool:
        decoded = pool.map(
            lambda item: read_recording(item[0] / item[1]["file"], rate_hz, at_most_s), rows
        )
        waves = []
        for wave in decoded:
            waves.append(wave)
            on_file(len(waves), len(rows))
    starts = np.concatenate([[0], np.cumsum([len(w) for w in waves])])
    recordings = tuple(
        Recording(
            file=file,
            label=label,
            start=int(start),
            length=len(wave),
            held_out=is_held_out(file, held_out_share),
            licence=row["licence"],
            author=row["author"],
            source=row["source"],
        )
        for (_, row), (file, label), wave, start in zip(rows, names, waves, starts, strict=False)
    )
    cache.mkdir(parents=True, exist_ok=True)
    # Another run may be reading the old array: it keeps its own, unharmed, until it ends.
    partial = cache / "library.partial.npy"
    np.save(partial, np.concatenate(waves))
    index.unlink(missing_ok=True)
    partial.replace(array)
    described = json.dumps({"key": key, "recordings": [asdict(r) for r in recordings]})
    partial_index = cache / "library.partial.json"
    partial_index.write_text(described)
    partial_index.replace(index)
    return SoundLibrary(np.load(array, mmap_mode="r"), recordings, rate_hz, digest)
