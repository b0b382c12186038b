"""A sound of the user's own as entries beside the bank's, laid in place of the bank's own kind."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import torch
from numpy.typing import NDArray

from vtacli.model.contract import Reference
from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.draft import LEVEL, Bank, Placement, alone, rows_of, struck_each
from vtacli.model.mini.takes import in_turn
from vtacli.signal.mel import log_mel
from vtacli.signal.nature import BED, HIT, PASSAGE, stretches

STEP = 1280
"""Samples in a latent step: 8 mel frames of 160."""


NEAREST = 0.4
"""The share of noise with which a reference of full strength begins."""


def reference_start(strength: float) -> float:
    """The share of noise with which sampling begins, for a reference of this strength: at 0 all of
    it, at 1 as much as :data:`NEAREST` (SDEdit, Meng et al., 2108.01073)."""
    return 1 - strength * (1 - NEAREST)


@torch.no_grad()
def encoded(reference: Reference, codec: MelCodec) -> Reference:
    """The reference with its latents, made as the bank's are."""
    wave = reference.sound.data.mean(axis=0)
    wave = wave * (LEVEL / max(1e-4, float(np.abs(wave).max())))
    # To whole steps, and one more of silence so that the tail is encoded as a tail.
    wave = np.pad(wave, (0, -len(wave) % STEP + STEP)).astype(np.float32)
    mel = log_mel(torch.from_numpy(wave)[None]).unsqueeze(1)
    mean = codec.encode(mel.to(codec.device, codec.dtype)).mean
    return replace(reference, latents=mean[0, :, :, 0].float().cpu().numpy())


@dataclass(frozen=True)
class OwnSounds:
    """A bank to which references were added. ``bank``: those of the model, then ``entries``, as
    numbers of rows of ``bank``, by reference and kind."""

    bank: Bank
    entries: tuple[dict[int, tuple[int, ...]], ...]

    def of(self, kind: int) -> list[tuple[int, ...]]:
        """The entries of a kind, those of each reference that has any."""
        return [found[kind] for found in self.entries if found.get(kind)]

    def replaced(
        self,
        placements: Sequence[Placement],
        strikes: Sequence[tuple[float, float]],
        window_s: float,
        rng: np.random.Generator,
        at_s: float = 0.0,
    ) -> list[Placement]:
        """``placements`` of the model's bank with the references in their place. ``at_s``: where
        the window begins in its scene.

        A reference that is a bed stands for the bed; hits and passages stand for all that is
        struck. At each strike another reference sounds, and a passage gives another of its blows
        (:mod:`vtacli.model.mini.takes`).
        """
        beds, hits, passages = self.of(BED), self.of(HIT), self.of(PASSAGE)
        kinds = self.bank.kinds
        kept = [
            p for p in placements if not (beds if kinds[p.recording] == BED else hits or passages)
        ]
        laid = [p for p in kept if kinds[p.recording] == BED]
        if beds:
            (bed,) = beds[int(rng.integers(len(beds)))][:1]
            laid.append(Placement(bed, 0.0, window_s, since_s=at_s))
        laid += [p for p in kept if kinds[p.recording] != BED]
        turn = int(rng.integers(2**62))
        if strikes and hits:
            blows = _blows_in_turn(hits, [at_s + t for t, _ in strikes], turn)
            laid += struck_each(self.bank, blows, strikes, window_s)
        elif passages:
            at = strikes[0][0] if strikes else 0.2
            laid.append(Placement(passages[int(rng.integers(len(passages)))][0], at, window_s))
        elif hits:
            laid.append(alone(self.bank, _blows_in_turn(hits, [at_s], turn)[0], window_s))
        return laid


def _blows_in_turn(
    hits: Sequence[tuple[int, ...]], times_s: Sequence[float], seed: int
) -> list[int]:
    """An entry for each moment of the scene: references take turns, and the blows of each."""
    turns = np.array(in_turn(np.arange(len(hits)), times_s, seed))
    chosen = np.zeros(len(turns), int)
    for reference, blows in enumerate(hits):
        mine = turns == reference
        chosen[mine] = in_turn(np.array(blows), np.array(times_s)[mine].tolist(), seed + reference)
    return [int(entry) for entry in chosen]


class OwnBanks:
    """Banks with references added, each made once."""

    def __init__(self, bank: Bank):
        self._bank = bank
        self.own = lru_cache(maxsize=8)(self._made)

    def _made(self, references: tuple[Reference, ...]) -> OwnSounds:
        bank = self._bank
        step_s = STEP / 16_000
        values: list[NDArray[np.int8]] = [bank.values]
        starts, ends, kinds, leads = [], [], [], []
        label_of, entries = [], []
        row, number = len(bank.values), len(bank)
        for i, reference in enumerate(references):
            if reference.latents is None:
                raise ValueError(f"the reference {reference.name} is not encoded yet")
            found: dict[int, tuple[int, ...]] = {}
            steps = reference.latents.shape[1]
            for part in stretches(reference.sound.data.mean(axis=0), reference.sound.rate_hz):
                start, end, lead_s = rows_of(part, step_s, steps)
                starts.append(row + start)
                ends.append(row + end)
                kinds.append(part.kind)
                leads.append(lead_s)
                label_of.append(len(bank.labels) + i)
                found[part.kind] = (*found.get(part.kind, ()), number)
                number += 1
            rows = np.round(reference.latents.T / bank.scale).clip(-127, 127).astype(np.int8)
            values.append(rows)
            row += len(rows)
            entries.append(found)
        names = tuple(r.name for r in references)
        joined = replace(
            bank,
            values=np.concatenate(values),
            starts=np.concatenate([bank.starts, np.array(starts, np.int64)]),
            ends=np.concatenate([bank.ends, np.array(ends, np.int64)]),
            kinds=np.concatenate([bank.kinds, np.array(kinds, np.int64)]),
            lead_s=np.concatenate([bank.lead_s, np.array(leads, np.float32)]),
            label_of=np.concatenate([bank.label_of, np.array(label_of, np.int64)]),
            labels=(*bank.labels, *names),
            file_of=None,
            files=(),
            typicality=None,
        )
        if bank.file_of is not None:
            own = np.array(label_of, np.int64) - len(bank.labels) + len(bank.files)
            joined = replace(
                joined,
                file_of=np.concatenate([bank.file_of, own]),
                files=(*bank.files, *names),
            )
        return OwnSounds(joined, tuple(entries))
