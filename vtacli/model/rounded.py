"""Weights in eight bits: a byte a number and one scale a row.

A matrix whose rows have few outliers loses little by it: each number is off by at most a 254th of
the largest of its row. What is small is kept in half precision: it costs little, and the first
layers of a network, which are small, matter most (in the classifier of pictures, those of under
20,000 numbers, a seventieth of all, are more than half of what is lost).
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import torch
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from vtacli.errors import WeightsRefused
from vtacli.model.headers import read_header

ROWS, SCALES = ".rows", ".scales"
WORTH_IT = 32
"""Numbers in a row from which a scale of four bytes costs little."""
LEAST = 20_000
"""Numbers in a tensor from which it is rounded."""

State = Mapping[str, torch.Tensor]


def rounded(state: State, least: int = LEAST) -> dict[str, torch.Tensor]:
    """Each floating tensor of two dimensions or more, of ``least`` numbers and rows that are long
    enough, as int8 ``NAME.rows`` of its shape and float32 ``NAME.scales``, one for each of its
    first dimension; every other floating tensor in float16, the rest as it is."""
    out: dict[str, torch.Tensor] = {}
    for name, value in state.items():
        if not value.is_floating_point():
            out[name] = value
        elif value.ndim < 2 or value.numel() < least or value[0].numel() < WORTH_IT:
            out[name] = value.half()
        else:
            rows = value.detach().float().flatten(1)
            scales = rows.abs().amax(dim=1) / 127
            held = torch.round(rows / scales.clamp(min=1e-30)[:, None]).to(torch.int8)
            out[name + ROWS] = held.reshape(value.shape).contiguous()
            out[name + SCALES] = scales
    return out


def opened(held: State) -> dict[str, torch.Tensor]:
    """What :func:`rounded` took: its rows in float32, every other tensor as it is. Raises
    ValueError where rows have no scales of their own."""
    out: dict[str, torch.Tensor] = {}
    for name, value in held.items():
        if _scales_rows(name, held):
            continue
        if not name.endswith(ROWS):
            out[name] = value
            continue
        whole = name.removesuffix(ROWS)
        scales = held.get(whole + SCALES)
        if scales is None or scales.shape != value.shape[:1] or value.dtype != torch.int8:
            raise ValueError(f"{name} has no scales that fit it")
        by_row = scales.float().reshape(-1, *(1 for _ in value.shape[1:]))
        out[whole] = value.float() * by_row
    return out


def _scales_rows(name: str, held: Container[str]) -> bool:
    return name.endswith(SCALES) and name.removesuffix(SCALES) + ROWS in held


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors in a safetensors file, as they are once opened; its header
    alone is read."""
    found = {name: tuple(held.shape) for name, held in read_header(path).tensors.items()}
    return {
        name.removesuffix(ROWS): shape
        for name, shape in found.items()
        if not _scales_rows(name, found)
    }


class OpensRounded:
    """To be mixed into a diffusers model, before ``ModelMixin``: its ``from_pretrained`` opens
    weights of eight bits too."""

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Any:
        """As diffusers'. Raises WeightsRefused where rounded weights do not fit."""
        kind: Any = cls
        place = Path(folder) / str(options.get("subfolder") or "")
        path = place / SAFETENSORS_WEIGHTS_NAME
        if not path.is_file() or not any(n.endswith(ROWS) for n in read_header(path).tensors):
            return super().from_pretrained(folder, **options)  # type: ignore[misc]
        model: nn.Module = kind.from_config(kind.load_config(place))
        try:
            model.load_state_dict(opened(load_file(path)))
        except (RuntimeError, ValueError, SafetensorError) as error:
            raise WeightsRefused(f"the weights do not fit: {error}.", path=path) from error
        return model.eval()
