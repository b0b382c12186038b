"""The reference checkpoint as a model: imported once for each variant, and windows to show it."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

from vtacli.model.checkpoint import import_published
from vtacli.model.contract import NoiseKey, WindowContent
from vtacli.model.loading import quietly
from vtacli.model.pipeline import VtaPipeline
from vtacli.signal.media import Frames

REFERENCE = Path(__file__).with_name("reference")

_scratch: list[TemporaryDirectory[str]] = []


@cache
def imported(name: str) -> Path:
    """The model folder of ``base``, ``pe`` or ``text``, for reading; removed at exit."""
    _scratch.append(TemporaryDirectory())
    folder = Path(_scratch[-1].name, name)
    import_published(REFERENCE, folder, summary=f"summary_{name}.jsonl")
    return folder


def opened(folder: Path) -> VtaPipeline:
    # Small products are fastest so, and the machine may be busy.
    torch.set_num_threads(1)
    with quietly():
        return VtaPipeline.from_pretrained(folder)


def window(index: int, count: int = 3, **asked: Any) -> WindowContent:
    """A window of ``count`` frames of noise, others for each index."""
    draw = np.random.default_rng(index)
    data = draw.integers(0, 256, (count, 3, 224, 224), dtype=np.uint8)
    frames = Frames(data, np.arange(count) / 2)
    return WindowContent(frames, 10.24, NoiseKey(7, 0, index), **asked)
