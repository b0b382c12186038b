"""Weights held against the networks that their settings describe, without filling any of them."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vtacli.errors import WeightsRefused
from vtacli.model.describe import FEW_STEPS, index_of
from vtacli.model.loading import quietly
from vtacli.model.rounded import shapes_of
from vtacli.model.strict import check_keys


def check_shapes(folder: Path) -> None:
    """Raise WeightsRefused where a part of a model's folder lacks a tensor, has one too many, or
    one of another shape than its ``config.json`` makes it.

    Networks are made on the meta device and take no memory. A part that is strict itself when it
    opens (``loads_strictly``) is opened: these are small.
    """
    for part, (module, name) in _parts(folder).items():
        place = folder / part
        try:
            kind = getattr(import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise WeightsRefused(f"there is no {name} in {module}.", path=place) from error
        if not (isinstance(kind, type) and issubclass(kind, nn.Module)):
            continue  # a sampler has settings and no weights
        with quietly():
            if getattr(kind, "loads_strictly", False):
                kind.from_pretrained(place)  # type: ignore[attr-defined]
            else:
                _check(place, _expected(kind, place))


def _parts(folder: Path) -> dict[str, tuple[str, str]]:
    return {
        part: (str(said[0]), str(said[1]))
        for part, said in index_of(folder).items()
        if isinstance(said, list) and len(said) == 2 and said[1] is not None
    }


def _expected(kind: Any, place: Path) -> dict[str, tuple[int, ...]]:
    path = place / "config.json"
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        network = _network(kind, settings)
    except FileNotFoundError as error:
        raise WeightsRefused("the settings of this part are missing.", path=path) from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise WeightsRefused(f"no network can be made of it: {reason}.", path=path) from error
    return {name: tuple(value.shape) for name, value in network.state_dict().items()}


def _network(kind: Any, settings: dict[str, Any]) -> nn.Module:
    try:
        with torch.device("meta"):
            made: nn.Module = kind.from_config(settings)
    except (RuntimeError, NotImplementedError) as error:
        if "meta" not in str(error):
            raise
        made = kind.from_config(settings)  # one that asks its tables for values; a vocoder is small
    return made


def _check(place: Path, expected: dict[str, tuple[int, ...]]) -> None:
    found: dict[str, tuple[int, ...]] = {}
    for path in sorted(place.glob("*.safetensors")):
        if path.name != FEW_STEPS:
            found |= shapes_of(path)
    check_keys(found, expected, place)
    for name, shape in expected.items():
        if found[name] != shape:
            raise WeightsRefused(f"{name} has shape {found[name]}, not {shape}.", path=place)
