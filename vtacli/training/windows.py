"""Composed windows, encoded once: what the denoiser learns from."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vtacli.model.mini.codec import MelCodec
from vtacli.progress import Report, Step
from vtacli.signal.mel import log_mel
from vtacli.training.composer import Composer, Event
from vtacli.training.loop import rng_of


@dataclass(frozen=True)
class Windows:
    """``latents``: (N, C, T) float16, ``action``: (N, frames) float16 level at 100 Hz.

    ``labels``, ``hits``, ``events``: one entry a window, as composed.
    """

    latents: NDArray[np.float16]
    action: NDArray[np.float16]
    labels: list[list[int]]
    hits: list[list[tuple[float, float]]]
    events: list[list[Event]]

    def __len__(self) -> int:
        return len(self.latents)


@torch.no_grad()
def compose_windows(
    composer: Composer,
    codec: MelCodec,
    count: int,
    seed: int,
    stage: str,
    device: str,
    report: Report,
) -> Windows:
    """Compose and encode ``count`` windows; window ``i`` depends on (seed, i) alone."""
    latents, actions = [], []
    labels, hits, events = [], [], []
    for first in range(0, count, 8):
        batch = [
            composer.compose(rng_of(seed, i, stage)) for i in range(first, min(first + 8, count))
        ]
        wave = torch.from_numpy(np.stack([c.wave for c in batch])).to(device)
        mean = codec.encode(log_mel(wave).unsqueeze(1)).mean.squeeze(-1)
        latents.append(mean.cpu().numpy().astype(np.float16))
        actions.append(np.stack([c.action for c in batch]).astype(np.float16))
        labels += [c.labels for c in batch]
        hits += [c.hits for c in batch]
        events += [c.events for c in batch]
        report(Step(stage, first + len(batch), count))
    return Windows(np.concatenate(latents), np.concatenate(actions), labels, hits, events)


def save_windows(windows: Windows, path: Path) -> None:
    """One .npz file, written whole or not at all."""
    said = {
        "labels": windows.labels,
        "hits": windows.hits,
        "events": [[list(asdict(e).values()) for e in events] for events in windows.events],
    }
    temporary = path.with_name(path.name + ".partial.npz")
    np.savez(
        temporary,
        latents=windows.latents,
        action=windows.action,
        said=np.frombuffer(json.dumps(said).encode(), dtype=np.uint8),
    )
    temporary.replace(path)


def load_windows(path: Path) -> Windows:
    """Read what :func:`save_windows` wrote."""
    with np.load(path) as file:
        said = json.loads(file["said"].tobytes())
        return Windows(
            file["latents"],
            file["action"],
            said["labels"],
            [[(t, s) for t, s in hits] for hits in said["hits"]],
            [[Event(*e) for e in events] for events in said["events"]],
        )
