"""One run of a recipe: what, on what, where to, and what it remembers of its stages."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from vtacli.errors import ConfigError
from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.conditioner import TEXT
from vtacli.model.mini.text import TextSpace
from vtacli.model.variants import VARIANTS
from vtacli.progress import Note, Report
from vtacli.training.composer import Composer
from vtacli.training.growth import widened
from vtacli.training.library import SoundLibrary
from vtacli.training.loop import LossOf, Progressed, Schedule, fit
from vtacli.training.recipe import Recipe
from vtacli.training.sources import find_sources

VARIANT = VARIANTS["vta-mini"]
FOLDER = {
    "codec": "vae",
    "decoder": "vae",
    "texture": "vae",
    "vocoder": "vocoder",
    "attacks": "vocoder",
    "denoiser": "unet",
}


@dataclass(frozen=True)
class Run:
    """One call of :func:`train`: what, on what, where to, for how long, and who listens.

    ``out`` becomes a model folder; ``out/state`` holds what resuming needs, ``out/cache`` what
    can be made again. ``parts`` is the folder with the text space and the picture classifier.
    """

    recipe: Recipe
    library: SoundLibrary
    out: Path
    parts: Path
    device: str
    minutes: float | None
    report: Report

    @property
    def cache(self) -> Path:
        return self.out / "cache"

    def facts(self) -> dict[str, Any]:
        file = self.out / "facts.json"
        return json.loads(file.read_text()) if file.is_file() else {}

    def note(self, stage: str, done: Progressed | None, scores: dict[str, float]) -> None:
        """Add a stage's row to ``facts.json``: settings, steps, seconds, scores."""
        facts = self.facts()
        facts.update(name=self.recipe.name, seed=self.recipe.seed, torch=torch.__version__)
        facts["manifest_sha256"] = self.library.manifest_sha256
        facts["library_fingerprint"] = self.library.fingerprint
        settings = getattr(self.recipe, stage, None)
        row: dict[str, Any] = {
            "settings": asdict(settings) if settings else {},
            "scores": {k: round(v, 5) for k, v in scores.items()},
        }
        if done is not None:
            row.update(
                steps=done.step,
                seconds=round(done.seconds, 3),
                finished=done.finished,
                training={k: round(v, 5) for k, v in done.logs.items()},
            )
        facts.setdefault("stages", {})[stage] = row
        (self.out / "facts.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")
        figures = ", ".join(f"{k} {v:.4g}" for k, v in scores.items())
        self.report(Note(f"{stage}: {figures}"))

    def fit(self, stage: str, model: nn.Module, loss_of: LossOf, schedule: Schedule) -> Progressed:
        """Train a stage; without a state of its own it goes on from the weights in ``out``, with
        a fresh optimizer, and the steps and seconds that ``facts.json`` tells."""
        state_file = self.out / "state" / f"{stage}.pt"
        weights = self.out / FOLDER.get(stage, stage)
        begin_at, spent_s = 0, 0.0
        if not state_file.is_file() and (weights / "config.json").is_file():
            row = self.facts().get("stages", {}).get(stage, {})
            begin_at, spent_s = int(row.get("steps", 0)), float(row.get("seconds", 0))
            adopt(model, weights)
            self.report(Note(f"{stage}: goes on from step {begin_at} of {weights}"))
        return fit(
            stage,
            model,
            loss_of,
            schedule,
            seed=self.recipe.seed,
            state_file=state_file,
            begin_at=begin_at,
            spent_s=spent_s,
            report=self.report,
            minutes=self.minutes,
            device=self.device,
        )

    def codec(self) -> MelCodec:
        """The trained codec. Raises ConfigError where its stage has not run."""
        folder = self.out / "vae"
        if not (folder / "config.json").is_file():
            raise ConfigError("the codec stage has not run yet", path=folder)
        codec: MelCodec = MelCodec.from_pretrained(folder).to(self.device).eval()
        return codec

    def text(self) -> TextSpace:
        return TextSpace.from_folder(self.parts / TEXT)

    def composer(self, *, held_out: bool) -> Composer:
        sources = find_sources(self.library, held_out=held_out)
        return Composer(self.library, sources, float(VARIANT.window_s))


def adopt(model: nn.Module, folder: Path) -> None:
    """Give ``model`` the weights in ``folder``, widened where it has more latent channels. A
    texture or gains that they lack keep their fresh ones; raises ConfigError where anything else
    is missing."""
    kind: Any = type(model)
    there = kind.from_pretrained(folder).state_dict()
    # What the file lacks was made without any memory behind it.
    held = widened(model, {k: v for k, v in there.items() if not v.is_meta})
    own = ("texture.", "gains.")
    missing = [k for k in model.state_dict() if k not in held and not k.startswith(own)]
    if missing:
        raise ConfigError(f"the weights lack {missing[0]}", path=folder)
    model.load_state_dict({**model.state_dict(), **held})
