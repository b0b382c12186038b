"""Training the vocoder's attack gains: what a sound's course is, finer than the frames tell.

The truth's own course and that of what the frozen vocoder makes are compared every 1.25 ms; the
gains learn the quotient. In steady noise the two differ by chance alone and the best gain is none;
before a blow the vocoder sounds and the truth does not. Those moments are rare and heard, so they
weigh more; and the mel of the result must stay what was asked for.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from vtacli.model.mini.attacks import LOUDEST, QUIETEST
from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.vocos import InverseStftVocoder
from vtacli.signal.mel import RATE_HZ, log_mel
from vtacli.signal.nature import HIT, nature_of
from vtacli.training.excerpts import Excerpts
from vtacli.training.library import SoundLibrary
from vtacli.training.loop import LossOf, learn_only
from vtacli.training.vocoder import partly_coded

STEP, WIDE = 20, 40
"""Samples from one value of a course to the next, and under each."""
FLOOR = 1e-7
"""Power that is nothing beside an excerpt's loudest moment (-70 dB)."""
AHEAD = 32
"""Values, 40 ms: how far before a blow its moment is looked for."""
MEL_WEIGHT = 0.5
SHARP_MS = 6
"""A blow that takes longer to rise is not sharp by itself."""


def freeze_all_but_gains(model: nn.Module) -> None:
    """Leave spectra and noise as they are."""
    learn_only(model, lambda name: name.startswith("gains."))


def course(wave: torch.Tensor) -> torch.Tensor:
    """(B, N) -> (B, N / 20): mean power of the 2.5 ms around the middle of each 1.25 ms."""
    edge = (WIDE - STEP) // 2
    return F.avg_pool1d(F.pad(wave[:, None] ** 2, (edge, edge)), WIDE, STEP)[:, 0]


def weights(true: torch.Tensor) -> torch.Tensor:
    """How much each moment of a course in nepers (B, n) counts: what is loud more than what is not,
    and most what lies in stillness up to 40 ms before a blow."""
    loudest = true.amax(dim=1, keepdim=True)
    coming = F.max_pool1d(F.pad(true[:, None], (0, AHEAD - 1), mode="replicate"), AHEAD, 1)[:, 0]
    before_a_blow = (coming - true - 1.5).clamp(0, 3) * torch.exp(0.5 * (coming - loudest))
    return torch.exp(0.5 * (true - loudest)) + before_a_blow


def attacks_loss(
    excerpts: Excerpts, batch: int, device: str, codec: MelCodec | None, coded_share: float
) -> LossOf:
    """Weighed L1 of the gains, in nepers, and of the result's log-mel. ``coded_share`` of the mels
    go through the codec first. ``none`` in the logs: the first, had the gains been none."""

    def loss_of(
        model: nn.Module, rng: np.random.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, float]]:
        assert isinstance(model, InverseStftVocoder)
        wave = excerpts.batch(rng, batch).to(device)
        with torch.no_grad():
            mel = log_mel(wave)
            shown = partly_coded(mel, codec, coded_share, rng)
            noise = rng.standard_normal(tuple(wave.shape), dtype=np.float32)
            made = model.approached(model.draw(shown, torch.from_numpy(noise).to(device)), shown)
            power = course(wave)
            floor = FLOOR * power.amax(dim=1, keepdim=True) + 1e-12
            true = 0.5 * torch.log(power + floor)
            wanted = (true - 0.5 * torch.log(course(made) + floor)).clamp(QUIETEST, LOUDEST)
            weight = weights(true)
        gains = model.attack_gains(shown)
        moved = (model.gains.in_time(gains) - wanted).abs()
        heard = made * torch.exp(model.gains.between(gains, model.config.hop))
        mel_l1 = (log_mel(heard) - mel).abs().mean()
        loss = (weight * moved).mean()
        none = float((weight * wanted.abs()).mean())
        logs = {"gains": float(loss.detach()), "none": none, "mel": float(mel_l1.detach())}
        return loss + MEL_WEIGHT * mel_l1, logs

    return loss_of


@torch.no_grad()
def attacks_score(
    model: InverseStftVocoder, library: SoundLibrary, device: str
) -> dict[str, float]:
    """Over held-out recordings of one sharp blow: how long the copies rise, in ms, and the level of
    the 34 ms that end 6 ms before the blow, in dB under it; medians, and the recordings' own."""
    model.eval()
    figures: dict[str, list[float]] = {
        k: [] for k in ("rise", "rise_true", "before", "before_true")
    }
    for recording in library.held_out():
        wave = library.wave(recording)[: 10 * RATE_HZ]
        if nature_of(wave, RATE_HZ).kind != HIT:
            continue
        padded = np.pad(wave, (RATE_HZ // 5, RATE_HZ // 10))
        whole = torch.from_numpy(padded[: len(padded) // 1280 * 1280])[None].to(device)
        level = millisecond_levels(whole[0].cpu().numpy())
        blow = int(np.argmax(level > 0.5 * level.max()))
        if rise_ms(level, blow) > SHARP_MS:
            continue
        copy = millisecond_levels(model(log_mel(whole))[0].cpu().numpy())
        for name, one in (("", copy), ("_true", level)):
            figures[f"rise{name}"].append(rise_ms(one, blow))
            figures[f"before{name}"].append(before_db(one, blow))
    medians = {f"held_out_{k}": float(np.median(v)) for k, v in figures.items() if v}
    return {**medians, "blows": len(figures["rise"])}


def millisecond_levels(wave: np.ndarray) -> np.ndarray:
    """(N,) at 16 kHz -> (N / 16,) RMS of each millisecond."""
    count = len(wave) // 16
    return np.asarray(np.sqrt((wave[: count * 16].reshape(count, 16).astype(float) ** 2).mean(1)))


def rise_ms(level: np.ndarray, blow: int) -> float:
    """From 10 % to 70 % of the peak around millisecond ``blow``."""
    around = level[max(0, blow - 80) : blow + 60]
    peak = int(around.argmax())
    under = np.flatnonzero(around[: peak + 1] < 0.1 * around[peak])
    low = int(under[-1]) if len(under) else 0
    return float(np.flatnonzero(around[low : peak + 1] >= 0.7 * around[peak])[0])


def before_db(level: np.ndarray, blow: int) -> float:
    """RMS from 40 to 6 ms before ``blow``, in dB under the peak of what follows."""
    before = level[max(0, blow - 40) : blow - 6]
    peak = float(level[blow - 6 : blow + 60].max())
    return float(20 * np.log10(np.sqrt((before**2).mean()) / peak + 1e-6))
