"""How like a result is to the recordings that its draft was made of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from vtacli.model.contract import Drawn
from vtacli.model.mini.draft import BED, Bank, Placement


def likeness(
    bank: Bank,
    placements: Sequence[Placement],
    draft: NDArray[np.float32],
    latents: NDArray[np.float32],
    step_s: float,
) -> tuple[Drawn, ...]:
    """For each recording that was laid, where, and the cosine of ``draft`` and ``latents``, both
    (C, T), over the steps that it covers. Latents have a mean of zero, so that sounds that have
    nothing to do with each other are at 0; what is covered by another is not counted."""
    steps = draft.shape[1]
    owner = np.full(steps, -1)
    times: dict[int, list[float]] = {}
    for place in placements:
        entry = place.recording
        length = int(bank.ends[entry] - bank.starts[entry])
        bed = bank.kinds[entry] == BED
        begin = round((place.at_s - (0.0 if bed else float(bank.lead_s[entry]))) / step_s)
        end = round(place.until_s / step_s)
        end = end if bed else min(end, begin + length)
        begin += round(place.from_s / step_s)
        if end <= max(begin, 0) or begin >= steps:
            continue
        owner[max(begin, 0) : end] = entry
        times.setdefault(entry, []).append(round(place.at_s, 3))
    found = []
    for entry, at in times.items():
        mine = owner == entry
        laid, made = draft[:, mine].ravel(), latents[:, mine].ravel()
        size = float(np.linalg.norm(laid) * np.linalg.norm(made))
        cosine = float(laid @ made) / size if size else 0.0
        found.append(Drawn(bank.label(entry), bank.file(entry), tuple(at), round(cosine, 3)))
    return tuple(found)
