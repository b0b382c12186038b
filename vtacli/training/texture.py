"""Training the codec's texture: draws that are spread as the truth is, on a frozen codec.

The energy distance (Székely and Rizzo, 2013; as a loss, Gritsenko et al., 2008.01160) between the
draws and the true mel, taken over many small views of the spectrogram: single values, columns,
rows and blocks. Each view alone is a proper score of what lies under it; blocks of several sizes
ask that neighbours go together as they do in the world.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.texture import grain_of
from vtacli.signal.mel import HOP, log_mel
from vtacli.training.decoder import noisy
from vtacli.training.excerpts import Excerpts, held_out_waves
from vtacli.training.library import SoundLibrary
from vtacli.training.loop import LossOf, learn_only

VIEWS = ((1, 1), (1, 4), (4, 1), (2, 8), (8, 2), (1, 16), (16, 1), (4, 64), (32, 8))
"""Frames and bands of each view."""


def view(mel: torch.Tensor, frames: int, bands: int, shift: tuple[int, int]) -> torch.Tensor:
    """(B, bands, T) -> (B, pieces, frames * bands): the mel cut into blocks, the cut moved by
    ``shift`` (frames, bands)."""
    mel = mel[:, shift[1] % bands if bands < mel.shape[1] else 0 :, shift[0] % frames :]
    high, long = mel.shape[1] // bands * bands, mel.shape[2] // frames * frames
    blocks = mel[:, :high, :long].unfold(1, bands, bands).unfold(2, frames, frames)
    return blocks.flatten(3).flatten(1, 2)


def views(mel: torch.Tensor, shift: tuple[int, int]) -> Iterator[torch.Tensor]:
    """(B, bands, T) as each view shows it; the last sees the slow course, means of 8 x 8."""
    for frames, bands in VIEWS:
        yield view(mel, frames, bands, shift)
    yield view(F.avg_pool2d(mel, 8), 1, 8, (0, 0))


def distance(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    """Mean Euclidean distance of pieces (B, P, D), over the square root of D."""
    return (a - b).pow(2).mean(dim=2).add(1e-6).sqrt().mean()


def energy_distance(
    one: torch.Tensor, other: torch.Tensor, true: torch.Tensor, shift: tuple[int, int]
) -> tuple[torch.Tensor, torch.Tensor]:
    """(score, spread) of two independent draws, (B, bands, T) each, as in
    :func:`vtacli.training.vocoder.energy_distance`."""
    score = spread = true.new_zeros(())
    for a, b, t in zip(views(one, shift), views(other, shift), views(true, shift), strict=True):
        apart = distance(a, b)
        score = score + distance(a, t) + distance(b, t) - apart
        spread = spread + apart
    return score / (len(VIEWS) + 1), spread / (len(VIEWS) + 1)


def texture_loss(excerpts: Excerpts, batch: int, device: str, latent_noise: float = 0.0) -> LossOf:
    """The energy distance of two draws for the same latents; the latents are drawn from the
    posterior half of the time, and have as much noise as ``latent_noise`` says
    (:func:`vtacli.training.decoder.noisy`), since a sampler's latents are never exact."""

    def loss_of(
        model: nn.Module, rng: np.random.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, float]]:
        assert isinstance(model, MelCodec)
        with torch.no_grad():
            mel = log_mel(excerpts.batch(rng, batch).to(device))
            mean, log_variance = model.moments(mel.unsqueeze(1))
            noise = rng.standard_normal(tuple(mean.shape), dtype=np.float32)
            noise *= rng.random((batch, 1, 1)) < 0.5
            raw = mean + torch.exp(0.5 * log_variance) * torch.from_numpy(noise).to(device)
            if latent_noise > 0:
                raw = noisy(raw, model.latent_std, rng, latent_noise)
            features = model.features(raw)
            true = (mel.transpose(1, 2) - model.config.mel_mean) / model.config.mel_std
            white = rng.standard_normal((2, batch, true.shape[2] * HOP), dtype=np.float32)
            grains = [grain_of(torch.from_numpy(w).to(device)) for w in white]
        one, other = (model.textured(features, grain) for grain in grains)
        shift = (int(rng.integers(32)), int(rng.integers(16)))
        score, spread = energy_distance(one, other, true, shift)
        return score, {"energy": float(score.detach()), "spread": float(spread.detach())}

    return loss_of


def freeze_all_but_texture(model: MelCodec) -> None:
    """Leave the latents and the smooth mel as they are: bank and windows stay valid."""
    learn_only(model, lambda name: name.startswith("texture."))


def freeze_texture(model: MelCodec) -> None:
    """Leave the texture as it is, where there is one."""
    learn_only(model, lambda name: not name.startswith("texture."))


@torch.no_grad()
def texture_score(model: MelCodec, library: SoundLibrary, device: str) -> dict[str, float]:
    """Over held-out recordings: the energy distance of two draws, and, for comparison, of the mel
    without grain (whose two draws are equal); lower is better."""
    model.eval()
    drawn, plain = [], []
    source = torch.Generator().manual_seed(0)
    for wave in held_out_waves(library, 1280):
        mel = log_mel(wave.to(device))
        if mel.shape[1] < 32:
            continue
        true = (mel.transpose(1, 2) - model.config.mel_mean) / model.config.mel_std
        features = model.features(model.moments(mel.unsqueeze(1))[0])
        white = torch.randn((2, 1, true.shape[2] * HOP), generator=source).to(device)
        one, other = (model.textured(features, grain_of(w)) for w in white)
        smooth = model.smooth(features)
        drawn.append(float(energy_distance(one, other, true, (0, 0))[0]))
        plain.append(float(energy_distance(smooth, smooth, true, (0, 0))[0]))
    return {
        "held_out_energy": float(np.mean(drawn)),
        "held_out_energy_without": float(np.mean(plain)),
        "recordings": len(drawn),
    }
