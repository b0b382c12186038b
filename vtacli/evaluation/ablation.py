"""``vta ablate``: several recipes at the same small cost, and the paper's three tables of them.

The paper (2407.07464) compares encoders, auxiliary embeddings and augmentation. Here each recipe
is trained for the same number of steps on the same clips, behind the same autoencoder, makes sound
for the same held-out clips from the same noise, and is measured beside a ceiling (the true sound
through the same autoencoder and vocoder) and a floor (the true sound of another clip).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vtacli.errors import ConfigError, StorageError
from vtacli.evaluation.ablation_score import COLUMNS, Heard, measured, sounds_of
from vtacli.evaluation.listeners import SetListener
from vtacli.evaluation.statistics import Interval, derangement
from vtacli.progress import Note, Report, Step, ignore
from vtacli.training.ldm.find import find_recipe
from vtacli.training.ldm.practice import practice_films
from vtacli.training.ldm.recipe import AutoencoderPart, LdmRecipe, WatchPart, read_ldm_recipe
from vtacli.training.ldm.run import Asked, train_recipe

TABLES: dict[str, tuple[str, ...]] = {
    "encoders": ("base", "ib", "lb", "jepa", "vivit", "cavp"),
    "auxiliaries": ("base", "text", "pe", "flow"),
    "augmentation": ("text", "text-concat", "pretrain-text-concat"),
}
"""The paper's tables, by the ends of the recipes' names."""
CEILING, FLOOR = "true sound, coded", "true sound of another clip"
RESULT = "ablation.json"


@dataclass(frozen=True)
class Study:
    """``data`` None: ``films`` drawn films. ``steps``, ``batch`` and ``learning_rate`` hold for
    every recipe; ``sampling_steps`` and ``guidance`` for every sound. ``autoencoder_steps``: of the
    one that the first recipe trains for all, where they bring none."""

    out: Path
    recipes: tuple[str, ...] = ()
    tables: tuple[str, ...] = tuple(TABLES)
    data: Path | None = None
    films: int = 24
    steps: int = 300
    autoencoder_steps: int = 500
    batch: int = 4
    learning_rate: float = 1e-3
    sampling_steps: int = 20
    guidance: float = 2.0
    clips: int = 32
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        if unknown := [t for t in self.tables if t not in TABLES]:
            raise ConfigError(
                f"There is no table {unknown[0]!r}.", hint=f"There are {', '.join(TABLES)}."
            )
        for name, value, least in (
            ("--steps", self.steps, 1),
            ("--films", self.films, 4),
            ("--clips", self.clips, 2),
        ):
            if value < least:
                raise ConfigError(f"{name} must be {least} or more, not {value}.")


@dataclass(frozen=True)
class Row:
    """A recipe, or a mark to hold it to, with its figures by :data:`COLUMNS`' names."""

    name: str
    figures: dict[str, Interval]
    facts: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        figures = {key: value.to_dict() for key, value in self.figures.items()}
        return {"name": self.name, "figures": figures, **self.facts}


@dataclass(frozen=True)
class Ablation:
    """``tables``: the rows of each, in its order. ``marks``: ceiling and floor. ``meaning``: what
    such a table says and what not, in sentences."""

    tables: dict[str, list[Row]]
    marks: list[Row]
    meaning: list[str]

    def to_dict(self) -> dict[str, Any]:
        return {
            "tables": {name: [r.to_dict() for r in rows] for name, rows in self.tables.items()},
            "marks": [row.to_dict() for row in self.marks],
            "meaning": self.meaning,
        }


def ablate(study: Study, listener: SetListener | None, report: Report = ignore) -> Ablation:
    """Train what is not trained yet, listen to all, and write ``ablation.json``.

    ``listener``: whose ears FAD, KL and IS are by; without one they are left out. Run again, it
    goes on where it was. Raises the errors of training, and ConfigError where recipes are not of
    this family or too few clips are held out.
    """
    recipes = _recipes(study)
    data = study.data
    if data is None:
        data = study.out / "films"
        if len(list(data.glob("*.mp4"))) != study.films:
            practice_films(data, study.films, study.seed, report)
    rows: dict[str, Row] = {}
    marks: list[Row] = []
    shared: str | None = None
    for number, (name, recipe) in enumerate(recipes.items()):
        report(Step("recipes", number, len(recipes), name))
        folder = study.out / name
        facts = train_recipe(
            _at_this_cost(recipe, study, shared), Asked(folder, data, device=study.device), report
        )
        if recipe.autoencoder.model is None and recipe.start is None and shared is None:
            shared = str(folder.resolve())
        heard = sounds_of(
            folder,
            clips=study.clips,
            seed=study.seed,
            steps=study.sampling_steps,
            guidance=study.guidance,
            listener=listener,
            report=report,
        )
        if len(heard) < 2:
            raise ConfigError(
                f"{len(heard)} clips are held out, too few to measure on",
                path=data,
                hint="Give more clips, or raise held_out.",
            )
        figures = measured([(h.made, h.true) for h in heard], study.seed)
        loss = facts.get("validation", math.nan)
        figures = {"validation": Interval(loss, None, None, len(heard)), **figures}
        told = ("seconds", "parameters", "trainable_parameters", "clips", "samples_a_step")
        rows[name] = Row(name, figures, {k: facts[k] for k in told} | {"steps": facts["step"]})
        if not marks:
            marks = _marks(heard, study.seed)
    report(Step("recipes", len(recipes), len(recipes)))
    made = Ablation(
        _tables(study, rows), marks, _meaning(study, recipes, rows, listener, len(heard))
    )
    try:
        text = json.dumps(made.to_dict(), indent=1, sort_keys=True) + "\n"
        (study.out / RESULT).write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(f"the result cannot be written: {error}", path=study.out) from error
    report(Note(f"{study.out / RESULT} has all figures; each recipe's folder is a model"))
    return made


def _recipes(study: Study) -> dict[str, LdmRecipe]:
    """Every recipe once, in the tables' order. Raises ConfigError."""
    names = study.recipes or tuple(f"smoke-{end}" for t in study.tables for end in TABLES[t])
    return {
        Path(name).stem: read_ldm_recipe(find_recipe(Path(name))) for name in dict.fromkeys(names)
    }


def _at_this_cost(recipe: LdmRecipe, study: Study, shared: str | None) -> LdmRecipe:
    """The recipe with the study's budget, and its autoencoder where another recipe trained one."""
    autoencoder = recipe.autoencoder
    if autoencoder.model is None and recipe.start is None:
        autoencoder = (
            replace(autoencoder, steps=study.autoencoder_steps, batch=4)
            if shared is None
            else AutoencoderPart(model=shared)
        )
    pretrain = recipe.pretrain
    if pretrain.steps:
        pretrain = replace(pretrain, steps=max(1, study.steps // 5))
    return replace(
        recipe,
        seed=study.seed,
        autoencoder=autoencoder,
        pretrain=pretrain,
        data=replace(recipe.data, practice=0, held_out=max(recipe.data.held_out, 0.25)),
        optimizer=replace(
            recipe.optimizer,
            steps=study.steps,
            batch=study.batch,
            accumulate=1,
            learning_rate=study.learning_rate,
            schedule="cosine",
            warmup=max(1, study.steps // 20),
            ema=0.99,
        ),
        watch=WatchPart(
            log_every=10,
            save_every=max(1, study.steps // 4),
            keep=1,
            validate_every=study.steps,
            validate_clips=study.clips,
            listen_every=0,
        ),
    )


def _marks(heard: Sequence[Heard], seed: int) -> list[Row]:
    other = derangement(len(heard), np.random.default_rng(seed))
    ceiling = measured([(h.coded, h.true) for h in heard], seed)
    floor = measured([(heard[j].true, h.true) for j, h in zip(other, heard, strict=True)], seed)
    return [Row(CEILING, ceiling, {}), Row(FLOOR, floor, {})]


def _tables(study: Study, rows: dict[str, Row]) -> dict[str, list[Row]]:
    """Rows by the paper's tables; recipes of other names have one of their own."""
    found: dict[str, list[Row]] = {}
    placed: set[str] = set()
    for table in study.tables:
        ends = TABLES[table]
        here = [n for end in ends for n in rows if n in (f"smoke-{end}", f"vta-ldm-{end}", end)]
        if here:
            found[table] = [rows[n] for n in here]
            placed |= set(here)
    if rest := [row for name, row in rows.items() if name not in placed]:
        found["recipes"] = rest
    return found


def _meaning(
    study: Study,
    recipes: dict[str, LdmRecipe],
    rows: dict[str, Row],
    listener: SetListener | None,
    held_out: int,
) -> list[str]:
    """What such a table says and what not."""
    first = next(iter(rows.values()))
    said = [
        f"Each row is one run of {study.steps} steps of {study.batch} samples on "
        f"{first.facts['clips']} clips, from one seed; {held_out} held-out clips were measured. "
        "Intervals are over those clips and know nothing of how another seed would have come out."
    ]
    random = [n for n, r in recipes.items() if r.encoder.weights is None and r.start is None]
    if random:
        said.append(
            f"The encoders of {len(random)} of {len(recipes)} recipes have random weights: their "
            "rows compare what the networks' shapes let through (frame rate, tokens, order), and "
            "say nothing of the published encoders, whose worth is in what they have learned."
        )
    if study.data is None:
        said.append(
            "The clips are drawn: they differ in the order of the same pictures and in nothing "
            "else. Nothing here is about real films."
        )
    if held_out < 200:
        said.append(
            f"FAD and IS of {held_out} clips are far from those of thousands, which the paper has: "
            "they can be compared within this table alone."
        )
    if listener is None:
        said.append("No listener is installed: FAD, KL and IS are left out.")
    said.append(
        "True sound here is the true mel through the same vocoder, so that no row is blamed for "
        "the vocoder. AV-Align needs the films: vta evaluate measures it on a trained row."
    )
    return said


def markdown(made: Ablation) -> str:
    """The tables, the marks under each, and what they mean."""
    parts = []
    for table, rows in made.tables.items():
        head = [COLUMNS[key] for key in COLUMNS]
        parts.append(f"**{table.capitalize()}**\n")
        parts.append("| recipe | " + " | ".join(head) + " |")
        parts.append("|---" * (len(head) + 1) + "|")
        for row in [*rows, *made.marks]:
            cells = [cell(row.figures.get(key)) for key in COLUMNS]
            parts.append(f"| {row.name} | " + " | ".join(cells) + " |")
        parts.append("")
    return "\n".join([*parts, *(f"- {sentence}" for sentence in made.meaning)])


def cell(figure: Interval | None) -> str:
    """A figure with its interval, as short as it can be read."""
    if figure is None or not math.isfinite(figure.value):
        return "–"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.3g}"
    return f"{figure.value:.3g} ({figure.low:.3g}–{figure.high:.3g})"
