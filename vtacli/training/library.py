"""A folder of recordings with a manifest, decoded once into one array that fits in memory."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

import av
import numpy as np
import soxr
from numpy.typing import NDArray

from vtacli.errors import ConfigError, MediaError
from vtacli.training.labels import clean_label, kept


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

    def wave(self, recording: Recording) -> NDArray[np.float32]:
        """(length,) float32, full scale 1."""
        part = self.samples[recording.start : recording.start + recording.length]
        return part.astype(np.float32) / np.float32(32768)

    def training(self) -> list[Recording]:
        return [r for r in self.recordings if not r.held_out]

    def held_out(self) -> list[Recording]:
        return [r for r in self.recordings if r.held_out]


def is_held_out(file: str, share: float) -> bool:
    """Whether a recording is kept from training: decided by its name alone, for ever."""
    return int.from_bytes(sha256(file.encode()).digest()[:4], "big") < share * 2**32


def read_recording(path: Path, rate_hz: int, at_most_s: float) -> NDArray[np.int16]:
    """Mono samples at ``rate_hz``. Raises MediaError where the file cannot be decoded."""
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
    return np.asarray(np.clip(np.round(resampled * 32767), -32768, 32767), dtype=np.int16)


def open_library(
    folder: Path,
    cache: Path,
    *,
    rate_hz: int = 16_000,
    held_out_share: float = 0.06,
    at_most_s: float = 120.0,
    on_file: Callable[[int, int], None] = lambda done, total: None,
) -> SoundLibrary:
    """Decode ``folder/manifest.csv``'s recordings, or read them back from ``cache``.

    The manifest has columns file, label, licence, author, source. The cache is bound to the
    manifest's hash and to the arguments; anything else in it is made anew.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise ConfigError(
            "there is no manifest.csv in the folder of sounds",
            path=folder,
            hint="Give the folder that holds it with --sounds.",
        )
    digest = sha256(manifest.read_bytes()).hexdigest()
    key = {"manifest": digest, "rate": rate_hz, "held": held_out_share, "most": at_most_s, "v": 2}
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
    with manifest.open(newline="") as handle:
        rows = [row for row in csv.DictReader(handle) if kept(row)]
    with ThreadPoolExecutor(2) as pool:
        decoded = pool.map(lambda r: read_recording(folder / r["file"], rate_hz, at_most_s), rows)
        waves = []
        for wave in decoded:
            waves.append(wave)
            on_file(len(waves), len(rows))
    starts = np.concatenate([[0], np.cumsum([len(w) for w in waves])])
    recordings = tuple(
        Recording(
            file=row["file"],
            label=clean_label(row["label"]),
            start=int(start),
            length=len(wave),
            held_out=is_held_out(row["file"], held_out_share),
            licence=row["licence"],
            author=row["author"],
            source=row["source"],
        )
        for row, wave, start in zip(rows, waves, starts, strict=False)
    )
    cache.mkdir(parents=True, exist_ok=True)
    samples = np.concatenate(waves)
    np.save(array, samples)
    index.write_text(json.dumps({"key": key, "recordings": [asdict(r) for r in recordings]}))
    return SoundLibrary(samples, recordings, rate_hz, digest)
