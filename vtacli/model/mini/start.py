"""Where sampling begins: the draft with its blows at their very moments.

The draft that the denoiser sees lies on the latents' grid, a step of 80 ms, and the denoiser moves
its blows to where the curves say. To begin *near* a draft, blows must be where they are heard, so
they are laid as spectrograms, frame by frame of 10 ms, and encoded again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, uniform_filter1d

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.draft import BED, Bank, Placement, lay
from vtacli.signal.mel import SILENCE

FRAMES = 8
"""Mel frames in a latent step."""
FRAME_S = 0.01
AROUND = 2
"""Steps of silence on each side of a blow that is decoded by itself: the codec's own view."""
RELEASE = 3
"""Frames in which a blow ends that is cut short, or begins whose beginning is left out."""
AROUND_FRAMES, STANDS_OUT_DB, EVENTFUL = 61, 4.0, 0.05
"""A bed is eventful where more than this share of it stands out by 4 dB from the 0.6 s around:
rain, waves, applause, engines and gravel have 0 to 4 %, rolling balls, a fire and steps 5 to 16."""
EVEN = 25
"""Frames over which an eventful bed is its own mean beneath blows."""
BENEATH_DB, MOST_DB = 15.0, 18.0
"""How far a bed lies under the blows on it, and the most that it is turned down for that."""
UNLIKE_DB = 3.0
"""How much softer than the loudest a take may strike."""
AGAIN_DB, AGAIN_FRAMES, AGAIN_NEAR_DB = 6.0, 6, 15.0
"""A blow ends where, some frames after it has struck, its level leaps by so much in three frames to
within 15 dB of its peak: that is another blow, and is turned down to lie so far under it. What
swells, as a bark does, is still the same."""


def together(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Two log-mels heard at once: their powers add, since their phases have nothing in common."""
    return np.asarray(0.5 * np.logaddexp(2 * a, 2 * b), np.float32)


@torch.no_grad()
def struck_start(
    bank: Bank,
    placements: Sequence[Placement],
    strengths: Sequence[tuple[float, float]],
    codec: MelCodec,
    steps: int,
    step_s: float,
) -> torch.Tensor:
    """(C, steps) float32: what is laid, with blows at their times to 10 ms and as strong as
    ``strengths``, (time in s, strength) of each, says."""
    lasting = [p for p in placements if bank.kinds[p.recording] == BED]
    laid = [p for p in placements if bank.kinds[p.recording] != BED]
    strength_at = dict(strengths)
    heard = {entry: _blow(bank, entry, codec) for entry in {p.recording for p in laid}}
    louder = raised({entry: float(_level_db(blow).max()) for entry, blow in heard.items()})
    blows = [
        heard[p.recording] + louder[p.recording] + np.log(strength_at.get(p.at_s, 1.0))
        for p in laid
    ]
    mel = levelled(decoded(codec, lay(bank, lasting, steps, step_s)))
    if lasting and blows:
        mel = beneath(mel, float(np.median([_level_db(blow).max() for blow in blows])))
    for place, blow in zip(laid, blows, strict=True):
        begin = (
            round((place.at_s - float(bank.lead_s[place.recording])) / FRAME_S) - AROUND * FRAMES
        )
        if place.from_s > 0:
            skipped = AROUND * FRAMES + round(place.from_s / FRAME_S)
            begin, blow = begin + skipped, risen(blow[skipped:])
        end = min(len(mel), begin + len(blow), round(place.until_s / FRAME_S))
        if end <= max(begin, 0):
            continue
        part = blow[max(0, -begin) : end - begin].copy()
        if end < begin + len(blow):
            fade = min(RELEASE, len(part))
            part[-fade:] -= np.arange(1, fade + 1, dtype=np.float32)[:, None] * 2
        mel[max(begin, 0) : end] = together(mel[max(begin, 0) : end], part)
    whole = torch.from_numpy(mel)[None, None].to(codec.device, codec.dtype)
    return codec.encode(whole).mean[0, :, :, 0].float().cpu()


def raised(peak_db: Mapping[int, float]) -> dict[int, float]:
    """What to add to each blow's log-mel so that none is more than :data:`UNLIKE_DB` softer than
    the loudest: a soft take among loud ones is not what a strength of 1 asks for."""
    loudest = max(peak_db.values(), default=0.0)
    return {
        entry: max(0.0, loudest - UNLIKE_DB - level) * np.log(10) / 20
        for entry, level in peak_db.items()
    }


def risen(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """A log-mel (frames, bands) that begins in the middle of a sound, faded in."""
    fade = min(RELEASE, len(mel))
    mel = mel.copy()
    mel[:fade] -= np.arange(fade, 0, -1, dtype=np.float32)[:, None] * 2
    return mel


def _blow(bank: Bank, entry: int, codec: MelCodec) -> NDArray[np.float32]:
    """(frames, bands) log-mel of one entry by itself, with silence around it."""
    quiet = np.repeat(bank.silence[:, None], AROUND, axis=1)
    alone = np.concatenate([quiet, bank.latents(entry), quiet], axis=1)
    mel = decoded(codec, torch.from_numpy(alone))
    return settled(mel, AROUND * FRAMES + round(float(bank.lead_s[entry]) / FRAME_S))


def settled(mel: NDArray[np.float32], struck: int) -> NDArray[np.float32]:
    """A log-mel (frames, bands) that strikes at frame ``struck``, with what follows the blow and
    would be taken for another, shards or a rattle, turned down to lie 15 dB under it."""
    end = struck + once(mel[struck:])
    if end >= len(mel):
        return mel
    level_db = _level_db(mel)
    begin = max(struck, end - RELEASE + 1)
    peak_db = level_db[struck : struck + AGAIN_FRAMES + 1].max()
    down_db = np.full(len(mel) - begin, max(0.0, level_db[end:].max() - peak_db + AGAIN_NEAR_DB))
    down_db[: RELEASE - 1] *= np.arange(1, RELEASE)[: len(down_db)] / RELEASE
    mel = mel.copy()
    mel[begin:] = np.maximum(mel[begin:] - down_db[:, None] * np.log(10) / 20, SILENCE)
    return mel


def levelled(mel: NDArray[np.float32]) -> NDArray[np.float32]:
    """A bed's log-mel (frames, bands) as it lies beneath blows: as it is, but where much happens in
    it, which would be taken for blows, its mean over time."""
    level_db = _level_db(mel)
    stands_out = level_db > uniform_filter1d(level_db, AROUND_FRAMES) + STANDS_OUT_DB
    if stands_out.mean() <= EVENTFUL:
        return mel
    return np.asarray(uniform_filter1d(mel, EVEN, axis=0), np.float32)


def beneath(bed: NDArray[np.float32], blow_db: float) -> NDArray[np.float32]:
    """A bed's log-mel (frames, bands), turned down until blows of that level (dB, of their loudest
    frame) stand out from it: whoever wrote them wants to hear them."""
    loud_db = float(np.percentile(_level_db(bed), 90))
    down_db = min(MOST_DB, max(0.0, loud_db + BENEATH_DB - blow_db))
    return np.asarray(np.maximum(bed - down_db * np.log(10) / 20, SILENCE), np.float32)


def _level_db(mel: NDArray[np.float32]) -> NDArray[np.float64]:
    """(frames, bands) log-mel -> (frames,) power in dB."""
    return np.asarray(10 * np.log10(np.exp(2 * mel.astype(np.float64)).sum(axis=1)))


def once(mel: NDArray[np.float32]) -> int:
    """How many frames of a log-mel (frames, bands), which begins with a blow, are that blow."""
    level_db = _level_db(mel)
    before_db = minimum_filter1d(level_db, 4, origin=1)  # of this frame and the three before it
    peak_db = level_db[: AGAIN_FRAMES + 1].max(initial=-200.0)
    again = (level_db > before_db + AGAIN_DB) & (level_db > peak_db - AGAIN_NEAR_DB)
    again[: AGAIN_FRAMES + 1] = False
    return int(again.argmax()) if again.any() else len(mel)


def decoded(codec: MelCodec, latents: torch.Tensor) -> NDArray[np.float32]:
    """(C, T) -> (8 T, bands) log-mel, without grain: what is encoded again needs none."""
    there = latents[None, :, :, None].to(codec.device, codec.dtype)
    made = codec.reconstruct(codec.raw(there))
    return np.ascontiguousarray(made[0, 0].float().cpu().numpy())
