"""Training the vocoder: first tones by spectral distance, then tones and noise by their spread.

A spectral distance alone rewards the buzz that has the smoothest spectrum. The spectral energy
distance (Gritsenko et al., "A Spectral Energy Distance for Parallel Speech Synthesis",
2008.01160) is a proper score: two draws must be as far from each other as from the truth, so
what is random in the world stays random in the model, without an adversary.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.vocos import InverseStftVocoder
from vtacli.signal.mel import log_mel
from vtacli.training.excerpts import Excerpts, held_out_waves
from vtacli.training.library import SoundLibrary
from vtacli.training.loop import LossOf

RESOLUTIONS = ((2048, 512), (1024, 256), (512, 128), (256, 64), (128, 32))


def magnitudes(wave: torch.Tensor) -> Iterator[torch.Tensor]:
    """(B, N) -> (B, bins, frames) at each resolution, not below 1e-5."""
    for fft, hop in RESOLUTIONS:
        window = torch.hann_window(fft, device=wave.device)
        yield torch.stft(wave, fft, hop, window=window, return_complex=True).abs().clamp(min=1e-5)


def spectral_distance(made: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    """Multi-resolution STFT loss (Yamamoto et al., 1910.11480, equations 4 to 6). (B, N) each."""
    total = made.new_zeros(())
    for a, b in zip(magnitudes(made), magnitudes(true), strict=True):
        convergence = torch.linalg.norm(b - a) / torch.linalg.norm(b).clamp(min=1e-3)
        total = total + convergence + (a.log() - b.log()).abs().mean()
    return total / len(RESOLUTIONS)


def energy_distance(
    one: torch.Tensor, other: torch.Tensor, true: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """(score, spread) of two independent draws for the same mel, (B, N) each.

    score = d(one, true) + d(other, true) - d(one, other), where d is the L1 of magnitudes and
    the L2 of their logarithms within each frame; spread is the last term.
    """

    def distance(a: torch.Tensor, b: torch.Tensor, level: torch.Tensor) -> torch.Tensor:
        linear = ((a - b).abs() / level).mean()
        return linear + (a.log() - b.log()).pow(2).mean(dim=1).add(1e-6).sqrt().mean()

    score = spread = true.new_zeros(())
    for a, b, t in zip(magnitudes(one), magnitudes(other), magnitudes(true), strict=True):
        level = t.mean(dim=(1, 2), keepdim=True).clamp(min=1e-4)
        apart = distance(a, b, level)
        score = score + distance(a, t, level) + distance(b, t, level) - apart
        spread = spread + apart
    return score / len(RESOLUTIONS), spread / len(RESOLUTIONS)


def partly_coded(
    mel: torch.Tensor, codec: MelCodec | None, share: float, rng: np.random.Generator
) -> torch.Tensor:
    """Log-mels (B, T, bands) as a vocoder meets them: ``share`` of them have been through the
    codec, where there is one."""
    if codec is None:
        return mel
    coded = codec.decode(codec.encode(mel.unsqueeze(1)).mean).sample[:, 0]
    pick = torch.from_numpy(rng.random(len(mel)) < share).to(mel.device)
    return torch.where(pick[:, None, None], coded, mel)


def vocoder_loss(
    excerpts: Excerpts,
    batch: int,
    device: str,
    codec: MelCodec | None,
    coded_share: float,
    tone_steps: int,
    project: bool = False,
    tones_down: float = 0.0,
) -> LossOf:
    """The tones alone by spectral distance until ``tone_steps``, then draws by energy distance.

    ``coded_share`` of the mels go through the codec first, since those are the mels that the
    vocoder meets in use: a little blurred. With ``project`` the draws are judged after the
    projection onto the mel that they will go through in use. When the noise joins, the tones
    alone already sound as loud as the truth: they are turned down by a factor of e^``tones_down``.
    """

    def loss_of(
        model: nn.Module, rng: np.random.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, float]]:
        assert isinstance(model, InverseStftVocoder)
        wave = excerpts.batch(rng, batch).to(device)
        with torch.no_grad():
            mel = log_mel(wave)
            shown = partly_coded(mel, codec, coded_share, rng)
        if step < tone_steps:
            made = model.wave(model.tones(model.features(shown)))
            mel_l1 = (log_mel(made) - mel).abs().mean()
            spectral = spectral_distance(made, wave)
            parts = {"mel": float(mel_l1.detach()), "stft": float(spectral.detach())}
            return spectral + mel_l1, parts
        if step == tone_steps and tones_down:
            with torch.no_grad():
                model.head.bias[: model.config.fft // 2 + 1] -= tones_down
        noise = rng.standard_normal((2, *wave.shape), dtype=np.float32)
        one, other = (model.draw(shown, torch.from_numpy(n).to(device)) for n in noise)
        if project:
            one, other = model.projected(one, shown), model.projected(other, shown)
        score, spread = energy_distance(one, other, wave)
        return score, {"energy": float(score.detach()), "spread": float(spread.detach())}

    return loss_of


@torch.no_grad()
def vocoder_score(
    model: InverseStftVocoder, library: SoundLibrary, device: str
) -> dict[str, float]:
    """Mean log-mel L1 of copy-synthesis over held-out recordings, each cut to 10.24 s."""
    model.eval()
    errors = []
    for wave in held_out_waves(library, 160):
        mel = log_mel(wave.to(device))
        errors.append(float((log_mel(model(mel)) - mel).abs().mean()))
    return {"held_out_log_mel_l1": float(np.mean(errors)), "recordings": len(errors)}
