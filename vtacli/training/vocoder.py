"""Training the vocoder: spectral losses at several resolutions, on true and on coded mels."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.vocos import InverseStftVocoder
from vtacli.signal.mel import log_mel
from vtacli.training.excerpts import Excerpts
from vtacli.training.library import SoundLibrary
from vtacli.training.loop import LossOf

RESOLUTIONS = ((2048, 512), (1024, 256), (512, 128), (256, 64), (128, 32))


def spectral_distance(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Multi-resolution STFT loss (Yamamoto et al., 1910.11480, equations 4 to 6). (B, N) each."""
    total = made.new_zeros(())
    for fft, hop in RESOLUTIONS:
        window = torch.hann_window(fft, device=made.device)
        a, b = (
            torch.stft(x, fft, hop, window=window, return_complex=True).abs().clamp(min=1e-5)
            for x in (made, true)
        )
        convergence = torch.linalg.norm(b - a) / torch.linalg.norm(b).clamp(min=1e-3)
        total = total + convergence + (a.log() - b.log()).abs().mean()
    return total / len(RESOLUTIONS)


def vocoder_loss(
    excerpts: Excerpts, batch: int, device: str, codec: MelCodec | None, coded_share: float
) -> LossOf:
    """Spectral and mel distance.

    ``coded_share`` of the mels go through the codec first, since those are the mels that the
    vocoder meets in use: a little blurred.
    """

    def loss_of(
        model: nn.Module, rng: np.random.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, float]]:
        wave = excerpts.batch(rng, batch).to(device)
        with torch.no_grad():
            mel = log_mel(wave)
            shown = mel
            if codec is not None:
                coded = codec.decode(codec.encode(mel.unsqueeze(1)).mean).sample[:, 0]
                pick = torch.from_numpy(rng.random(batch) < coded_share).to(device)
                shown = torch.where(pick[:, None, None], coded, mel)
        made = model(shown)
        mel_l1 = (log_mel(made) - mel).abs().mean()
        spectral = spectral_distance(made, wave)
        parts = {"mel": float(mel_l1.detach()), "stft": float(spectral.detach())}
        return spectral + mel_l1, parts

    return loss_of


@torch.no_grad()
def vocoder_score(
    model: InverseStftVocoder, library: SoundLibrary, device: str, at_most: int = 130
) -> dict[str, float]:
    """Mean log-mel L1 of copy-synthesis over held-out recordings, each cut to 10.24 s."""
    model.eval()
    errors = []
    for recording in library.held_out()[:at_most]:
        wave = torch.from_numpy(library.wave(recording)[:163_840])[None].to(device)
        if wave.shape[1] < 1280 * 2:
            continue
        wave = wave[:, : wave.shape[1] // 160 * 160]
        mel = log_mel(wave)
        errors.append(float((log_mel(model(mel)) - mel).abs().mean()))
    return {"held_out_log_mel_l1": float(np.mean(errors)), "recordings": len(errors)}
