"""Making the bank: every source of the training side as latents of eight bits, or of four."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.draft import LEVEL, Bank, rows_of
from vtacli.model.mini.nibbles import best_scale, levels
from vtacli.progress import Report, Step
from vtacli.signal.mel import SILENCE, log_mel
from vtacli.training.library import SoundLibrary
from vtacli.training.sensitivity import LISTENED_TO, sensitivity
from vtacli.training.sources import Sources

LONG = 128
"""Steps of a stretch of the bank by which it is told which channels matter."""


@torch.no_grad()
def make_bank(
    library: SoundLibrary,
    sources: Sources,
    codec: MelCodec,
    device: str,
    report: Report,
    nibbles: float = 0.0,
) -> Bank:
    """Entry ``i`` of the bank is ``sources.every[i]``; entries of one recording share its rows.
    ``nibbles``: the share of channels, those that matter least, which get four bits a value."""
    step = 1280  # samples in a latent step: 8 mel frames of 160
    rows: list[np.ndarray] = []
    first_row: dict[str, int] = {}
    lengths: dict[str, int] = {}
    total = 0
    for i, source in enumerate(sources.every):
        if source.recording.file in first_row:
            continue
        longest_s = max(
            s.end_s for s in sources.every[i : i + 8] if s.recording == source.recording
        )
        wave = library.wave(source.recording)[: round(longest_s * library.rate_hz)]
        wave = wave * (LEVEL / max(1e-4, float(np.abs(wave).max())))
        # To whole steps, and one more of silence so that the tail is encoded as a tail.
        wave = np.pad(wave, (0, -len(wave) % step + step)).astype(np.float32)
        mel = log_mel(torch.from_numpy(wave)[None].to(device)).unsqueeze(1)
        latent = codec.encode(mel).mean[0, :, :, 0].cpu().numpy().T
        first_row[source.recording.file] = total
        lengths[source.recording.file] = len(latent)
        rows.append(latent)
        total += len(latent)
        report(Step("bank", i + 1, len(sources.every)))
    silent = torch.full((1, 1, 1024, codec.config.bands), SILENCE, device=device)
    silence = codec.encode(silent).mean[0, :, 64, 0].cpu().numpy()
    values, scale = _in_few_bits(np.concatenate(rows), codec, device, nibbles)
    step_s = step / library.rate_hz
    place = {file: i for i, file in enumerate(first_row)}
    rows_at = [rows_of(s, step_s, lengths[s.recording.file]) for s in sources.every]
    base = np.array([first_row[s.recording.file] for s in sources.every], dtype=np.int64)
    return Bank(
        values=values,
        scale=scale,
        starts=base + np.array([first for first, _, _ in rows_at], dtype=np.int64),
        ends=base + np.array([end for _, end, _ in rows_at], dtype=np.int64),
        kinds=np.array([s.kind for s in sources.every], dtype=np.int64),
        lead_s=np.array([lead_s for _, _, lead_s in rows_at], dtype=np.float32),
        label_of=np.array([s.label for s in sources.every], dtype=np.int64),
        labels=sources.labels,
        silence=silence.astype(np.float32),
        files=tuple(first_row),
        file_of=np.array([place[s.recording.file] for s in sources.every], dtype=np.int64),
    )


def _in_few_bits(
    latents: NDArray[np.float32], codec: MelCodec, device: str, nibbles: float
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """(values, scale) of a :class:`Bank`, for latents (N, C). Which channels matter least is
    told by what an error in them does to the mel (:mod:`vtacli.training.sensitivity`)."""
    scale = (np.abs(latents).max(axis=0) / 127 + 1e-8).astype(np.float32)
    values = np.round(latents / scale).astype(np.int8)
    few = round(nibbles * latents.shape[1]) // 2 * 2
    if few:
        firsts = np.linspace(0, max(0, len(latents) - LONG), LISTENED_TO).round().astype(int)
        heard = np.stack([latents[a : a + LONG].T for a in firsts]).astype(np.float16)
        matters = sensitivity(codec, heard, device).diagonal().numpy()
        for channel in np.argsort(matters)[:few]:
            scale[channel] = best_scale(latents[:, channel])
            values[:, channel] = levels(latents[:, channel], float(scale[channel]))
    return values, scale
