"""The state of a run on disk: written whole or not at all, found again, and held to its recipe."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import torch

from vtacli.errors import ConfigError, StorageError
from vtacli.training.ldm.recipe import LdmRecipe, WatchPart

NAME = "step-{:08d}.pt"


def digest_of(recipe: LdmRecipe, data: str, processes: int) -> dict[str, str]:
    """What a state belongs to: the recipe but for what is only watched, the data, and how many
    samples make a step."""
    bare = asdict(replace(recipe, watch=WatchPart(), name=""))
    o = recipe.optimizer
    # Only their product matters: which samples are together on a device does not.
    bare["optimizer"] = {**bare["optimizer"], "batch": 0, "accumulate": 0}
    return {
        "recipe": sha256(json.dumps(bare, sort_keys=True).encode()).hexdigest(),
        "data": data,
        "samples": str(o.batch * o.accumulate * processes),
    }


def save(folder: Path, step: int, state: dict[str, Any], keep: int) -> Path:
    """Write ``state`` as that of ``step``; only the newest ``keep`` stay."""
    path = folder / NAME.format(step)
    temporary = path.with_suffix(".partial")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        for old in states(folder)[:-keep]:
            old.unlink()
    except OSError as error:
        raise StorageError(f"the state cannot be kept: {error}", path=path) from error
    return path


def states(folder: Path) -> list[Path]:
    """The states that are there, the newest last."""
    return sorted(folder.glob("step-*.pt"))


def newest(folder: Path, device: torch.device | str, of: dict[str, str]) -> dict[str, Any] | None:
    """The newest state, or None where there is none. Nothing in it is run.

    Raises ConfigError where it belongs to another recipe, other data or other batches.
    """
    found = states(folder)
    if not found:
        return None
    state: dict[str, Any] = torch.load(found[-1], map_location=device, weights_only=True)
    words = {
        "recipe": "another recipe",
        "data": "other data",
        "samples": "another number of samples a step",
    }
    for key, what in words.items():
        if state["of"].get(key) != of[key]:
            raise ConfigError(
                f"what is to be gone on with was begun with {what}",
                path=found[-1],
                hint="Give another --out, or begin again with --no-resume.",
            )
    return state
