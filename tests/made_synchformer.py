"""Synchformers with made weights, and what they are shown, the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny_encoders import value

from vtacli.model.synchformer import Synchformer
from vtacli.model.synchformer.network import UNUSED

SHALLOW = {"width": 192, "depth": 2, "sound_depth": 2, "compare_depth": 3}
"""Narrow and shallow, of the published picture and segments."""
TINY: dict[str, int] = {"width": 192, "depth": 1, "sound_depth": 1, "compare_depth": 1, "side": 2}
"""Sees 32 x 32 pixels."""
TOKENS = ("cls_token", "distillation_token", "_tok", "embed", "embeddings", "pos_emb")
"""Ends of names of what is added to tokens, or is one."""


def made(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A parameter drawn by its name; tokens and positions as large as what they stand among."""
    drawn = value(name, shape)
    return 0.5 * drawn * float(np.prod(shape[1:])) ** 0.5 if name.endswith(TOKENS) else drawn


def state_of(sizes: dict[str, int]) -> dict[str, torch.Tensor]:
    """A file's worth of weights, with those that nothing asks."""
    with torch.device("meta"):
        shapes = {k: tuple(v.shape) for k, v in Synchformer(**sizes).state_dict().items()}
    width = sizes.get("width", 768)
    flat = dict(zip(UNUSED, ((width, 3, 16, 16), (width,)), strict=True))
    return {name: made(name, shape) for name, shape in {**shapes, **flat}.items()}


def network(sizes: dict[str, int]) -> Synchformer:
    """Ready to be asked."""
    found = Synchformer(**sizes)
    found.load_state_dict({k: v for k, v in state_of(sizes).items() if k not in UNUSED})
    return found.eval().requires_grad_(False)


def folder(shelf: Path, sizes: dict[str, Any] = TINY) -> Path:
    """``synchformer`` on a shelf, with one file of weights."""
    place = shelf / "synchformer"
    place.mkdir(parents=True)
    torch.save(state_of(sizes), place / "synchformer_state_dict.pth")
    return place


def frames(count: int, size_px: int) -> torch.Tensor:
    """(T, 3, S, S) uint8: stripes that move, grow narrower and change colour, in whole numbers."""
    t, c, y, x = np.ogrid[:count, :3, :size_px, :size_px]
    slow = t // 8
    drawn = (x * (1 + slow % 5) + y * (slow % 7) + t * 9) % 256 * (1 + (c + slow) % 4) // 4
    return torch.from_numpy(drawn.astype(np.uint8))


def wave(samples: int) -> torch.Tensor:
    """(N,) at 16 kHz: knocks of a rising tone, and a quiet hum."""
    t = np.arange(samples) / 16_000
    knocks = 0.4 * np.sin(2 * np.pi * (300 + 250 * t) * t) * np.exp(-((t * 2.3) % 1) * 9)
    return torch.from_numpy((knocks + 0.01 * np.sin(2 * np.pi * 110 * t)).astype(np.float32))


def in_segments(whole: torch.Tensor, length: int, step: int) -> torch.Tensor:
    """Whole stretches of ``length`` along the first axis, ``step`` apart."""
    return torch.stack([whole[i : i + length] for i in range(0, len(whole) - length + 1, step)])
