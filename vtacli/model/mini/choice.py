"""Which recordings of the bank make the draft, and where they are laid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vtacli.model.mini.draft import BED, HIT, PASSAGE, Bank, Placement, alone, struck_each
from vtacli.model.mini.takes import in_turn, some, takes_of
from vtacli.signal.control import CURVE_HZ

LIKE_ENOUGH = 0.3
"""Cosine under which a label is not what was said."""
NEAR_THE_BEST = 0.08
"""Labels this close to the best one share the choice, and differ from seed to seed."""
BED_ALLOWANCE = 0.12
"""A bed is laid under hits when its label is at most this much worse than the best label."""
HIT_ALLOWANCE = 0.24
"""A written blow is drafted when its label is at most this much worse than the best."""
SELDOM = 0.15
"""Share of the recordings of what was said under which a bed among them is an exception: a door
slam that happens to ring for long is not to be looped."""
MOSTLY = 0.5
"""The same beneath blows."""
PAUSE_S = (0.4, 1.4)
"""Between passages that follow each other where nothing says when."""
SURE_ENOUGH = 0.15
"""A doubtful guess is a short vector: under this length there is nothing to draft."""
STRIKES = 0.45
"""An onset of the picture counts as a strike from this share of the window's strongest."""


def strikes_of_onsets(onset: NDArray[np.float32]) -> list[tuple[float, float]]:
    """(time in s, strength) of the peaks of an onset curve at 100 Hz. (frames,)"""
    from scipy.signal import find_peaks  # most of a second, for those who never ask

    peaks, _ = find_peaks(np.pad(onset, 1), height=STRIKES, distance=9, prominence=0.15)
    return [((int(p) - 1) / CURVE_HZ, float(min(1.0, onset[p - 1]))) for p in peaks]


def _best(
    likeness: NDArray[np.float32],
    bank: Bank,
    entries: NDArray[np.int64],
    rng: np.random.Generator,
) -> tuple[float, int] | None:
    """(cosine, entry) of one of ``entries`` whose label is nearest to what was said. Each
    recording has one chance, into however many blows it was cut; the less typical half has
    none."""
    best, near = _near(likeness, bank, entries)
    if not len(near):
        return None
    weights = np.exp((likeness[bank.label_of[near]] - best) * 30) / blows_of(bank, near)
    return best, int(rng.choice(near, p=weights / weights.sum()))


def _near(
    likeness: NDArray[np.float32], bank: Bank, entries: NDArray[np.int64]
) -> tuple[float, NDArray[np.int64]]:
    """The greatest cosine among ``entries``, and those that share the choice: none if it is not
    :data:`LIKE_ENOUGH`."""
    scores = likeness[bank.label_of[entries]]
    best = float(scores.max(initial=-1.0))
    if best < LIKE_ENOUGH:
        return best, entries[:0]
    return best, typical(bank, entries[scores >= best - NEAR_THE_BEST * best])


def typical(bank: Bank, entries: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of ``entries`` (E,) that sound like what they are called as much as the median does:
    a door that groans is a door slam to its recordist alone. All of them where the bank does not
    say."""
    if bank.typicality is None:
        return entries
    said = bank.typicality[entries]
    return entries[said >= np.quantile(said, 0.5, method="lower")]


def blows_of(bank: Bank, entries: NDArray[np.int64]) -> NDArray[np.int64]:
    """(E,) How many of ``entries`` (E,) are of the same recording as each; 1 where the bank does
    not say of which they are."""
    if bank.file_of is None:
        return np.ones(len(entries), np.int64)
    _, place, count = np.unique(bank.file_of[entries], return_inverse=True, return_counts=True)
    return np.asarray(count[place], np.int64)


def _beds_share(likeness: NDArray[np.float32], bank: Bank) -> float:
    """How many of the recordings that are most like what was said are beds, in [0, 1]."""
    scores = likeness[bank.label_of]
    near = bank.kinds[scores >= scores.max() * (1 - NEAR_THE_BEST)]
    return float(np.mean(near == BED))


def _one_after_another(
    likeness: NDArray[np.float32],
    bank: Bank,
    first: int,
    window_s: float,
    step_s: float,
    rng: np.random.Generator,
) -> list[Placement]:
    """Passages and single blows with pauses until the window is full, ``first`` and others that
    are as like. What leads up to an attack is heard after the pause, not in it."""
    placements: list[Placement] = []
    begin_s, entry = 0.2, first
    entries = np.flatnonzero((bank.kinds == PASSAGE) | ((bank.kinds == HIT) & bank.whole))
    while begin_s < window_s - 0.5:
        attack_s = begin_s + float(bank.lead_s[entry])
        if placements and attack_s > window_s - 0.2:
            break
        end_s = begin_s + int(bank.ends[entry] - bank.starts[entry]) * step_s
        placements.append(Placement(entry, attack_s, min(end_s, window_s)))
        begin_s = end_s + float(rng.uniform(*PAUSE_S))
        again = _best(likeness, bank, entries, rng)
        entry = entry if again is None else again[1]
    return placements


def choose(
    bank: Bank,
    label_vectors: NDArray[np.float32],
    said: NDArray[np.float32],
    strikes: Sequence[tuple[float, float]],
    window_s: float,
    rng: np.random.Generator,
    *,
    written: bool = True,
    step_s: float = 0.08,
    at_s: float = 0.0,
) -> list[Placement]:
    """Placements for what was said (D,) and the moments that must sound.

    ``label_vectors``: (labels, D) unit rows. ``written``: whether a person wrote the strikes. What
    merely moves in rain is not struck: strikes of the picture are laid only where blows are as
    like as anything to what was said; at each another take of the same thing
    (:mod:`vtacli.model.mini.takes`). ``step_s``: of the bank's latents. ``at_s``: where the window
    begins in its scene. Empty where nothing in the bank is like it.
    """
    length = float(np.linalg.norm(said))
    if length < SURE_ENOUGH:
        return []
    likeness = label_vectors @ (said / length)
    # All three are drawn whatever is used, so that one more strike does not change the timbre.
    hit, bed, passage = (
        _best(likeness, bank, np.flatnonzero(bank.kinds == kind), rng)
        for kind in (HIT, BED, PASSAGE)
    )
    turn = int(rng.integers(2**62))
    found = [f[0] for f in (hit, bed, passage) if f is not None]
    if not found:
        return []
    best = max(found)
    # Its own label has beds, but hardly any: unless nothing else is like it, lay none. Beneath
    # blows only what is a bed as often as not.
    seldom = MOSTLY if strikes else SELDOM
    if bed is not None and len(found) > 1 and _beds_share(likeness, bank) < seldom:
        bed = bed if bed[0] < best and not strikes else None
    placements = []
    if bed is not None and bed[0] >= best - BED_ALLOWANCE * (1 if strikes else 2):
        placements.append(Placement(bed[1], 0.0, window_s, since_s=at_s))
    if strikes:
        allowance = HIT_ALLOWANCE if written or not placements else BED_ALLOWANCE
        if hit is not None and hit[0] >= best - allowance:
            pool = _near(likeness, bank, np.flatnonzero(bank.kinds == HIT))[1]
            takes = some(takes_of(bank, hit[1], pool), hit[1], np.random.default_rng(turn))
            blows = in_turn(takes, [at_s + t for t, _ in strikes], turn)
            placements += struck_each(bank, blows, strikes, window_s)
        elif passage is not None and not placements:
            until = min(window_s, strikes[-1][0] + 1.0)
            placements.append(Placement(passage[1], strikes[0][0], until))
    elif passage is not None and (not placements or passage[0] >= best - BED_ALLOWANCE):
        placements += _one_after_another(likeness, bank, passage[1], window_s, step_s, rng)
    elif not placements and hit is not None:
        placements.append(alone(bank, hit[1], window_s))
    return placements
