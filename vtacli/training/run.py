"""Run a recipe, stage after stage. Each stage goes on where it was left."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError, WeightsMissing
from vtacli.media.weights import shelves
from vtacli.model.devices import choose_device
from vtacli.model.mini.conditioner import PICTURE, TEXT
from vtacli.progress import Report, Step, ignore
from vtacli.training.flow_stages import build_bank, make_windows, train_denoiser, train_few_steps
from vtacli.training.ldm.find import find_recipe
from vtacli.training.library import open_library
from vtacli.training.recipe import STAGES, read_recipe
from vtacli.training.running import Run
from vtacli.training.sound_stages import (
    train_attacks,
    train_codec,
    train_decoder,
    train_texture,
    train_vocoder,
)

RUNNERS: dict[str, Callable[[Run], None]] = {
    "codec": train_codec,
    "decoder": train_decoder,
    "texture": train_texture,
    "vocoder": train_vocoder,
    "attacks": train_attacks,
    "bank": build_bank,
    "windows": make_windows,
    "denoiser": train_denoiser,
    "few_steps": train_few_steps,
}


def choose_stages(asked: Sequence[str] | None) -> list[str]:
    """The stages to run, in their order. Raises ConfigError for a name that is none."""
    if asked and (unknown := [s for s in asked if s not in STAGES]):
        raise ConfigError(
            f"no stage is called {unknown[0]!r}", hint=f"There are {', '.join(STAGES)}."
        )
    return [s for s in STAGES if not asked or s in asked]


def train(
    recipe: Path,
    *,
    sounds: Path | Sequence[Path] | None,
    out: Path | None = None,
    parts: Path | None = None,
    minutes: float | None = None,
    steps_share: float = 1.0,
    device: str = "auto",
    resume: bool = True,
    stages: Sequence[str] | None = None,
    report: Report = ignore,
) -> dict[str, Any]:
    """Train what ``recipe`` says on the recordings in ``sounds``, into the folder ``out``.

    ``out`` of None is ``runs/NAME``. ``parts`` is a folder with text/ and picture/ (None: the
    shipped model's). ``minutes`` bounds each trained stage of this call, ``steps_share`` shortens
    each stage's schedule, as :meth:`Recipe.shortened` does. Running it again goes on where the last
    call stopped, unless ``resume`` is False. Returns the facts that are written beside the weights.
    """
    settings = read_recipe(find_recipe(recipe)).shortened(steps_share)
    chosen = choose_stages(stages)
    if not sounds:
        raise ConfigError(
            "training needs recordings",
            hint="Give a folder that holds them and their manifest.csv with --sounds.",
        )
    out = out or Path("runs") / settings.name
    if not resume:
        for leftover in ("state", "vae", "vocoder", "unet", "facts.json"):
            path = out / leftover
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    out.mkdir(parents=True, exist_ok=True)
    library = open_library(
        sounds, out / "cache", on_file=lambda done, total: report(Step("decode", done, total))
    )
    place = str(choose_device(device))
    run = Run(settings, library, out, parts or shipped_parts(), place, minutes, report)
    for stage in chosen:
        RUNNERS[stage](run)
    return run.facts()


def shipped_parts() -> Path:
    """The encoder folder of the shipped model, whose words and pictures every recipe shares."""
    places = [shelf / "vta-mini" / "encoder" for shelf in shelves()]
    for place in places:
        if all((place / part).is_dir() for part in (TEXT, PICTURE)):
            return place
    raise WeightsMissing("the text space and the picture classifier are absent", path=places[0])
