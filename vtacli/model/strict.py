"""Weights fit their modules exactly: no key missing, none unexpected."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor, nn

from vtacli.errors import WeightsRefused
from vtacli.model.describe import FEW_STEPS
from vtacli.model.rounded import shapes_of


def check_keys(found: Iterable[str], expected: Iterable[str], path: Path) -> None:
    """Raise :class:`WeightsRefused`, naming the first few, unless both hold the same names."""
    here, wanted = set(found), set(expected)
    faults = [
        f"{len(names)} {kind} ({', '.join(sorted(names)[:3])}{', …' if len(names) > 3 else ''})"
        for kind, names in (("missing", wanted - here), ("unexpected", here - wanted))
        if names
    ]
    if faults:
        raise WeightsRefused(f"the weights do not fit: {'; '.join(faults)}.", path=path)


def check_components(pipeline: Any, folder: Path) -> None:
    """Hold the keys in each component's safetensors against the module made from its config.

    diffusers fills what is missing with random numbers and says so in a log; here it is a
    :class:`WeightsRefused`. Only the files' headers are read. A component whose ``from_pretrained``
    is strict itself, having more in its folder than one state dict, says ``loads_strictly``.
    """
    for name, component in pipeline.components.items():
        if not isinstance(component, nn.Module) or getattr(component, "loads_strictly", False):
            continue  # the latter holds its files against their keys when it opens them
        found: list[str] = []
        for file in _files(folder / name):
            found += shapes_of(file)
        check_keys(found, component.state_dict(), folder / name)


def read_weights(folder: Path) -> dict[str, Tensor]:
    """Every tensor of a component's folder, mapped from its safetensors files."""
    return {name: tensor for file in _files(folder) for name, tensor in load_file(file).items()}


def _files(folder: Path) -> list[Path]:
    # Changes that may be laid over the weights are held against them when they are used.
    found = sorted(f for f in folder.glob("*.safetensors") if f.name != FEW_STEPS)
    if not found:
        raise WeightsRefused("there are no safetensors here.", path=folder)
    return found
