"""The machine that a run is on: processes, devices and precision, by accelerate."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from accelerate import Accelerator
from accelerate.state import AcceleratorState, GradientState
from accelerate.utils import DistributedDataParallelKwargs

from vtacli.model.devices import choose_device
from vtacli.training.ldm.journal import check_trackers
from vtacli.training.ldm.recipe import LdmRecipe


def begin(recipe: LdmRecipe, device: str, folder: Path, trackers: Sequence[str]) -> Any:
    """An accelerator for one run. ``device``: as everywhere; several processes on GPUs take one
    each, whatever its number says.

    Raises ConfigError for a tracker that is not installed, DeviceError for an absent device.
    """
    check_trackers(trackers)
    place = str(choose_device(device))
    # What an earlier run in this process left would decide this one's precision.
    if "RANK" not in os.environ:
        AcceleratorState._reset_state(reset_partial_state=True)
        GradientState._reset_state()
    if place.startswith("cuda:"):
        os.environ["ACCELERATE_TORCH_DEVICE"] = place
    accelerator = Accelerator(
        cpu=place == "cpu",
        mixed_precision=recipe.optimizer.precision,
        gradient_accumulation_steps=recipe.optimizer.accumulate,
        log_with=list(trackers) or None,
        project_dir=str(folder),
        # Where words are learned from, a step in which nobody speaks leaves their layers out.
        kwargs_handlers=[DistributedDataParallelKwargs(find_unused_parameters=True)],
    )
    if trackers:
        accelerator.init_trackers("vta", config=flat(recipe))
    return accelerator


def flat(recipe: LdmRecipe) -> dict[str, Any]:
    """The recipe's settings as trackers want them: one level, plain values."""
    from dataclasses import asdict

    plain = (bool, int, float, str)
    return {
        f"{name}.{key}" if isinstance(part, dict) else name: value
        for name, part in asdict(recipe).items()
        for key, value in (part.items() if isinstance(part, dict) else [("", part)])
        if isinstance(value, plain)
    }
