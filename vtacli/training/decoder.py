"""Training the codec's decoder on: what a sampler gives is never quite a latent of the encoder's.

An autoencoder that only ever reads its own latents need not be smooth: noise of a tenth of their
deviation moved the level of a frame by 2 dB, and a sampler's errors were heard as flutter. So the
decoder goes on with noise on its latents, the encoder frozen: bank and windows stay valid.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from vtacli.model.mini.codec import MelCodec
from vtacli.signal.mel import log_mel
from vtacli.training.codec import mel_loss
from vtacli.training.excerpts import Excerpts, held_out_waves
from vtacli.training.library import SoundLibrary
from vtacli.training.loop import LossOf, learn_only

PARTS = ("from_latent.", "decoder_deep.", "up.", "decoder_shallow.", "patch_out.")


def freeze_all_but_decoder(model: MelCodec) -> None:
    """Leave encoder and texture as they are."""
    learn_only(model, lambda name: name.startswith(PARTS))


def noisy(
    raw: torch.Tensor, latent_std: torch.Tensor, rng: np.random.Generator, most: float
) -> torch.Tensor:
    """Raw latents (B, C, T) with noise of up to ``most`` of each channel's deviation (C,), evenly
    from none on; half of the rows stay as they are."""
    count = len(raw)
    share = rng.uniform(0, most, count) * (rng.random(count) < 0.5)
    noise = rng.standard_normal(tuple(raw.shape), dtype=np.float32)
    noise *= share[:, None, None].astype(np.float32)
    return raw + torch.from_numpy(noise).to(raw) * latent_std[:, None]


def level(mel: torch.Tensor) -> torch.Tensor:
    """(B, 1, T, bands) natural-log mel -> (B, T) half the logarithm of each frame's power."""
    return 0.5 * torch.logsumexp(2 * mel[:, 0], dim=-1)


def decoder_loss(excerpts: Excerpts, batch: int, device: str, latent_noise: float) -> LossOf:
    """:func:`vtacli.training.codec.mel_loss` and L1 of each frame's level, with noise on the
    latents."""

    def loss_of(
        model: nn.Module, rng: np.random.Generator, step: int
    ) -> tuple[torch.Tensor, dict[str, float]]:
        assert isinstance(model, MelCodec)
        with torch.no_grad():
            mel = log_mel(excerpts.batch(rng, batch).to(device)).unsqueeze(1)
            raw = noisy(model.moments(mel)[0], model.latent_std, rng, latent_noise)
        made = model.reconstruct(raw)
        loss, l1 = mel_loss(made, mel)
        flutter = (level(made) - level(mel)).abs().mean()
        return loss + 0.5 * flutter, {"l1": l1, "level": float(flutter.detach())}

    return loss_of


@torch.no_grad()
def decoder_score(
    model: MelCodec, library: SoundLibrary, device: str, latent_noise: float = 0.1
) -> dict[str, float]:
    """Over held-out recordings: log-mel L1 from the encoder's latents, and the same and the error
    of the frames' levels, in dB, where they have noise of a tenth of their deviation."""
    model.eval()
    source = torch.Generator().manual_seed(0)
    clean, rough, moved_db = [], [], []
    for wave in held_out_waves(library, 1280):
        mel = log_mel(wave.to(device)).unsqueeze(1)
        latents = model.encode(mel).mean
        noise = torch.randn(latents.shape, generator=source).to(latents)
        one = model.reconstruct(model.raw(latents))
        other = model.reconstruct(model.raw(latents + latent_noise * noise))
        clean.append(float((one - mel).abs().mean()))
        rough.append(float((other - mel).abs().mean()))
        moved_db.append(float((level(other) - level(mel)).abs().mean()) * 20 / np.log(10))
    return {
        "held_out_log_mel_l1": float(np.mean(clean)),
        "held_out_log_mel_l1_noisy": float(np.mean(rough)),
        "held_out_level_db_noisy": float(np.mean(moved_db)),
        "recordings": len(clean),
    }
