"""The draft: recordings' own latents laid down where the sound should be, for a new take.

A small denoiser cannot remember the timbre of hours of sound. The bank remembers it, and the
denoiser makes of it something that fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open
from safetensors.numpy import save_file

from vtacli.model.mini.nibbles import fits, packed, unpacked
from vtacli.signal.nature import BED, HIT, PASSAGE, Stretch

__all__ = [
    "BED",
    "HIT",
    "LEVEL",
    "PASSAGE",
    "Bank",
    "Placement",
    "alone",
    "lay",
    "rows_of",
    "struck",
    "struck_each",
]

LEVEL = 0.5
"""Peak that each recording is brought to before it is encoded."""
LONG = 128
"""Steps with which a bed fills a window, and is not looped in its scene's first."""
LEAD_IN_S = 0.2
"""The swing, the latch: what belongs to a blow before it strikes."""


@dataclass(frozen=True)
class Bank:
    """Latents of recordings at one level, and what each is called.

    ``values``: (N, C) int8 with ``scale`` (C,): latent = value * scale; of channels that matter
    less they may be the sixteen levels of :mod:`vtacli.model.mini.nibbles`. Entry ``r`` is rows
    ``starts[r]`` to ``ends[r]``; entries may share rows (one blow of a passage). ``kinds``: (R,).
    ``lead_s``: (R,) time of the first attack in the entry, of a hit its blow. ``label_of``: (R,)
    index into ``labels``. ``silence``: (C,) the latent of no sound. ``file_of``: (R,) index into
    ``files``, the names of the recordings, where they were kept. ``typicality``: (R,) how much
    each sounds like what it is called, where that was measured
    (:mod:`vtacli.training.typicality`).
    """

    values: NDArray[np.int8]
    scale: NDArray[np.float32]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    kinds: NDArray[np.int64]
    lead_s: NDArray[np.float32]
    label_of: NDArray[np.int64]
    labels: tuple[str, ...]
    silence: NDArray[np.float32]
    files: tuple[str, ...] = ()
    file_of: NDArray[np.int64] | None = None
    typicality: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        return len(self.kinds)

    def label(self, recording: int) -> str:
        """What an entry is called."""
        return self.labels[int(self.label_of[recording])]

    def file(self, recording: int) -> str | None:
        """The file that an entry was cut from; None where the bank does not say."""
        return None if self.file_of is None else self.files[int(self.file_of[recording])]

    @cached_property
    def whole(self) -> NDArray[np.bool_]:
        """(R,) Which entries are whole recordings, the others being blows cut out of them."""
        if self.file_of is None:
            return np.ones(len(self), np.bool_)
        first = np.unique(self.file_of, return_index=True)[1]
        return np.isin(np.arange(len(self)), first)

    def latents(self, recording: int) -> NDArray[np.float32]:
        """(C, T)"""
        part = self.values[self.starts[recording] : self.ends[recording]]
        return np.ascontiguousarray((part.astype(np.float32) * self.scale).T)

    def save(self, path: Path) -> None:
        """One safetensors file; labels and file names are its metadata. Channels that have no more
        than sixteen levels take four bits a value."""
        few = fits(self.values)
        few[np.flatnonzero(few)[few.sum() // 2 * 2 :]] = False  # two make a byte
        tensors = {
            "values": self.values[:, ~few],
            "scale": self.scale,
            "starts": self.starts,
            "ends": self.ends,
            "kinds": self.kinds,
            "lead_s": self.lead_s,
            "label_of": self.label_of,
            "silence": self.silence,
        }
        # safetensors writes an array's memory as it lies, and calls it row by row.
        tensors = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
        said = {"labels": "\n".join(self.labels)}
        if few.any():
            tensors["nibbles"] = packed(self.values[:, few])
            tensors["in_nibbles"] = few
        if self.file_of is not None:
            tensors["file_of"] = self.file_of
            said["files"] = "\n".join(self.files)
        if self.typicality is not None:
            tensors["typicality"] = self.typicality
        save_file(tensors, path, metadata=said)

    @staticmethod
    def load(path: Path) -> Bank:
        with safe_open(str(path), framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            said = file.metadata()
        if "nibbles" in tensors:
            few, whole = tensors.pop("in_nibbles"), tensors["values"]
            values = np.empty((len(whole), len(few)), np.int8)
            values[:, ~few], values[:, few] = whole, unpacked(tensors.pop("nibbles"))
            tensors["values"] = values
        files = tuple(said["files"].split("\n")) if "files" in said else ()
        return Bank(labels=tuple(said["labels"].split("\n")), files=files, **tensors)


def rows_of(stretch: Stretch, step_s: float, steps: int) -> tuple[int, int, float]:
    """(first, end, lead in s) of a stretch of a recording that has ``steps`` latent steps.

    A stretch begins between two steps, so its attack is counted anew from the step in which it is
    read, which begins no later than a frame before it: none is cut off, none laid beside its time.
    """
    attack_s = stretch.start_s + stretch.lead_s
    first = min(int(stretch.start_s / step_s + 0.5), int(max(0.0, attack_s - 0.01) / step_s))
    first = min(first, steps - 1)
    end = min(max(first + 1, round(stretch.end_s / step_s)), steps)
    return first, end, attack_s - first * step_s


@dataclass(frozen=True)
class Placement:
    """One recording of the bank laid at a time: its first attack, or its blow. ``until_s`` ends it
    early; beds loop until then. ``from_s``: what comes earlier in the recording is left out.
    ``since_s``: for how long a bed has been heard before, in the windows before this one."""

    recording: int
    at_s: float
    until_s: float
    from_s: float = 0.0
    since_s: float = 0.0


def struck(bank: Bank, entry: int, at_s: float, until_s: float) -> Placement:
    """A recording laid under a moment that must sound. What leads up to the blow is heard for
    :data:`LEAD_IN_S` at most: a creak of two seconds would be a hit that nobody asked for."""
    return Placement(entry, at_s, until_s, max(0.0, float(bank.lead_s[entry]) - LEAD_IN_S))


def struck_each(
    bank: Bank, entries: Sequence[int], strikes: Sequence[tuple[float, float]], window_s: float
) -> list[Placement]:
    """An entry at each strike, (time in s, strength), until the next or the end of the window."""
    times = [t for t, _ in strikes] + [window_s]
    return [
        struck(bank, entry, at_s, until_s)
        for entry, (at_s, until_s) in zip(entries, pairwise(times), strict=True)
    ]


def alone(bank: Bank, entry: int, window_s: float) -> Placement:
    """A blow that nothing times, with all that leads up to it."""
    return Placement(entry, max(0.5, float(bank.lead_s[entry]) + 0.1), window_s)


def _looped(length: int, swell: int, since: int, wanted: int) -> NDArray[np.int64]:
    """(wanted,) Which steps of a bed of ``length`` are heard from ``since`` on. One that is as long
    as a window swells but once: its loop leaves out the ``swell``."""
    time = since + np.arange(wanted)
    again = min(swell, length // 2) if length >= LONG else 0
    return np.where(time < length, time, again + (time - length) % (length - again))


def lay(bank: Bank, placements: Sequence[Placement], steps: int, step_s: float) -> torch.Tensor:
    """The draft, (C, steps) float32: silence, then each placement over what was before.

    Beds must come first in ``placements``: hits are laid over them.
    """
    draft = np.repeat(bank.silence[:, None], steps, axis=1)
    for place in placements:
        piece = bank.latents(place.recording)
        bed = bank.kinds[place.recording] == BED
        lead = 0.0 if bed else float(bank.lead_s[place.recording])
        skipped = round(place.from_s / step_s)
        piece = piece[:, skipped:]
        begin = round((place.at_s - lead) / step_s) + skipped
        wanted = round(place.until_s / step_s) - begin
        if wanted <= 0 or begin >= steps:
            continue
        if bed:
            swell = round(float(bank.lead_s[place.recording]) / step_s)
            piece = piece[:, _looped(piece.shape[1], swell, round(place.since_s / step_s), wanted)]
        piece = piece[:, max(0, -begin) : wanted]
        begin = max(0, begin)
        piece = piece[:, : steps - begin]
        draft[:, begin : begin + piece.shape[1]] = piece
    return torch.from_numpy(draft)
