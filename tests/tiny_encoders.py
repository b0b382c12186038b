"""Every encoder at toy widths, and weights and pictures that are the same everywhere.

Weights are drawn by their names from NumPy's frozen legacy generator, so that a golden file needs
to hold their names and shapes alone.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import safe_open

from vtacli.model.encoders import encoder_class
from vtacli.signal.media import Frames

GOLDEN = Path(__file__).with_name("golden") / "encoders"

TINY: dict[str, dict[str, Any]] = {
    "clip4clip": {
        "vision": {
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 28,
            "patch_size": 14,
            "projection_dim": 12,
        }
    },
    "imagebind": {"size_px": 28, "width": 16, "depth": 2, "heads": 2, "out_width": 12},
    "languagebind": {
        "size_px": 28,
        "width": 16,
        "depth": 2,
        "heads": 2,
        "mlp": 32,
        "out_width": 12,
    },
    "vjepa": {"size_px": 32, "width": 16, "depth": 2, "heads": 2, "mlp": 32},
    "vjepa2": {
        "vision": {
            "crop_size": 32,
            "hidden_size": 24,
            "num_attention_heads": 2,
            "num_hidden_layers": 2,
            "mlp_ratio": 2.0,
        }
    },
    "vivit": {
        "vision": {
            "image_size": 32,
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 32,
        }
    },
    "cavp": {"size_px": 32, "base": 2, "width": 12},
    "mini": {},
}


def value(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """A parameter of that name: random, of about unit gain, never degenerate."""
    if name.endswith("num_batches_tracked"):
        return torch.zeros(shape, dtype=torch.int64)
    seed = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")
    drawn = np.random.RandomState(seed).standard_normal(shape)
    if name.endswith("running_var"):
        drawn = 0.5 + drawn**2
    elif len(shape) <= 1:
        drawn = (1.0 if name.endswith("weight") else 0.0) + 0.1 * drawn
    else:
        drawn = drawn / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(drawn, np.float32).reshape(shape))


def pictures(count: int, size_px: int, frames_per_second: float = 4.0, seed: int = 7) -> Frames:
    """Noise, other in every frame."""
    draw = np.random.RandomState(seed)
    data = draw.randint(0, 256, (count, 3, size_px, size_px)).astype(np.uint8)
    return Frames(data, np.arange(count) / frames_per_second)


def sound(seconds: float, rate_hz: int = 16_000, seed: int = 7) -> NDArray[np.float32]:
    """Noise in bursts of other loudness, over a glide and a constant: other in every 10 ms."""
    draw = np.random.RandomState(seed)
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    loudness = 0.2 * np.exp(-5 * ((time_s * 1.7) % 1.0)) * (1 + np.sin(0.9 * time_s))
    glide = 0.1 * np.sin(2 * np.pi * (200 + 90 * time_s) * time_s)
    wave = loudness * draw.standard_normal(len(time_s)) + glide + 0.05
    return np.asarray(wave, np.float32)


def golden(
    name: str, file_name: str | None = None, others: tuple[str, ...] | None = None
) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor], dict[str, Any]]:
    """What upstream gave: its weights under its own names, its outputs, and its settings.
    ``others``: beginnings of names that are there by name alone."""
    with safe_open(str(GOLDEN / f"{file_name or name}.safetensors"), "pt") as file:
        said = file.metadata()
        outputs = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    shapes = json.loads(said["names"])
    # What belongs to upstream's other networks is there by name alone: nobody looks at it.
    others = encoder_class(name).UPSTREAM_IGNORED if others is None else others
    weights = {
        key: torch.zeros(1) if key.startswith(others) else value(key, tuple(shape))
        for key, shape in shapes.items()
    }
    return weights, outputs, json.loads(said["settings"])


def tiny_imagebind(shelf: Path) -> Path:
    """A folder ``imagebind`` with upstream's one file, all of its modalities at toy widths."""
    (shelf / "imagebind").mkdir(parents=True)
    weights, _, _ = golden("imagebind", "imagebind_sound", ("nothing",))
    torch.save(weights, shelf / "imagebind" / "imagebind_huge.pth")
    return shelf / "imagebind"
