"""Training the mel VAE."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.start import FRAMES
from vtacli.signal.mel import log_mel
from vtacli.training.excerpts import Excerpts, held_out_waves
from vtacli.training.library import SoundLibrary
from vtacli.training.loop import LossOf

LOUD_NEPERS = 4.0
"""What lies up to 35 dB under an excerpt's loudest value is what is heard of it."""


def audible(mel: torch.Tensor) -> torch.Tensor:
    """(B, 1, T, bands) log-mel -> weights of the same shape, 1 where it is heard, 0.25 where
    louder sound of the same excerpt covers it; a codec has no bits to give to the rest."""
    top = mel.amax(dim=(2, 3), keepdim=True)
    return 0.25 + 0.75 * torch.sigmoid(2 * (mel - top + LOUD_NEPERS))


def mel_loss(made: torch.Tensor, mel: torch.Tensor) -> tuple[torch.Tensor, float]:
    """L1 of log-mels (B, 1, T, bands) and of their differences in time (attacks!), more where it
    is loud; and the plain L1, to be told."""
    weight = 0.5 + audible(mel)
    l1 = (made - mel).abs()
    attack = (made.diff(dim=2) - mel.diff(dim=2)).abs()
    loss = (weight * l1).mean() + 0.5 * (weight[:, :, 1:] * attack).mean()
    return loss, float(l1.detach().mean())


def codec_loss(
    excerpts: Excerpts,
    batch: int,
    device: str,
    kl_weight: float = 3e-4,
    anchor: MelCodec | None = None,
    again: float = 0.0,
) -> LossOf:
    """:func:`mel_loss`, and a light pull to N(0, 1).

    The divergence is Kingma and Welling's closed form (1312.6114, appendix B), a mean per
    latent value. ``anchor``: a codec of fewer channels whose latents the first ones stay.
    ``again``: how much it counts what is left of a sound that is encoded a second time, from what
    was decoded, between the steps of the first time (:func:`coded_again`).
    """

    def loss_of(
        model: nn.Module, rng: np.random.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, float]]:
        assert isinstance(model, MelCodec)
        with torch.no_grad():
            mel = log_mel(excerpts.batch(rng, batch).to(device)).unsqueeze(1)
        mean, log_variance = model.moments(mel)
        noise = torch.from_numpy(rng.standard_normal(tuple(mean.shape), dtype=np.float32))
        raw = mean + torch.exp(0.5 * log_variance) * noise.to(device)
        made = model.reconstruct(raw)
        loss, l1 = mel_loss(made, mel)
        kl = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).mean()
        loss = loss + kl_weight * kl
        logs = {"l1": l1, "kl": float(kl.detach())}
        if again > 0:
            loss_again, logs["again"] = coded_again(model, made, mel, int(rng.integers(1, FRAMES)))
            loss = loss + again * loss_again
        if anchor is not None:
            with torch.no_grad():
                was = anchor.moments(mel)[0]
            moved = ((mean[:, : was.shape[1]] - was) / anchor.latent_std[:, None]).pow(2).mean()
            loss = loss + moved
            logs["moved"] = float(moved.detach())
        return loss, logs

    return loss_of


def coded_again(
    model: MelCodec, made: torch.Tensor, mel: torch.Tensor, shift: int
) -> tuple[torch.Tensor, float]:
    """:func:`mel_loss` and L1 after a second coding of ``made``, (B, 1, T, bands), the decoded
    ``mel``, from frame ``shift`` on, in (0, 8); of half of the rows. Blows that are laid at their
    moments have come this way (:mod:`vtacli.model.mini.start`)."""
    part = slice(0, max(1, len(mel) // 2)), slice(None), slice(shift, shift - FRAMES)
    return mel_loss(model.reconstruct(model.moments(made[part].detach())[0]), mel[part])


@torch.no_grad()
def set_latent_statistics(
    model: MelCodec, excerpts: Excerpts, seed: int, device: str, batches: int = 24
) -> None:
    """Fix the per-channel mean and standard deviation that make latents unit normal."""
    rng = np.random.default_rng(seed)
    means = []
    for _ in range(batches):
        mel = log_mel(excerpts.batch(rng, 16).to(device)).unsqueeze(1)
        means.append(model.moments(mel)[0].transpose(1, 2).reshape(-1, model.config.channels))
    every = torch.cat(means)
    model.latent_mean.copy_(every.mean(dim=0))
    model.latent_std.copy_(every.std(dim=0).clamp(min=1e-3))


@torch.no_grad()
def codec_score(model: MelCodec, library: SoundLibrary, device: str) -> dict[str, float]:
    """Mean log-mel L1 over held-out recordings, each cut to 10.24 s; nothing is padded, and
    no grain is drawn."""
    model.eval()
    errors = []
    for wave in held_out_waves(library, 1280):
        mel = log_mel(wave.to(device)).unsqueeze(1)
        made = model.reconstruct(model.raw(model.encode(mel).mean))
        errors.append(float((made - mel).abs().mean()))
    return {"held_out_log_mel_l1": float(np.mean(errors)), "recordings": len(errors)}
