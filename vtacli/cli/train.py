"""``vta train``: make a model from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.shell import Shell
from vtacli.errors import ConfigError

RECIPES = Path(__file__).parent.parent / "recipes"


def train(
    context: typer.Context,
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="A recipe's name or file.", show_default=False)
    ],
    out: Annotated[
        Path, typer.Option(metavar="DIR", help="The folder of the model.", show_default=False)
    ],
    sounds: Annotated[
        Path,
        typer.Option(metavar="DIR", help="The recordings, with manifest.csv.", show_default=False),
    ],
    parts: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where text/ and picture/ are. If left out: OUT/encoder."),
    ] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this stage; may be given again."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="N", help="Stop a stage after so many minutes.")
    ] = None,
    device: flags.Device = "auto",
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Go on from what OUT has, or begin again.")
    ] = True,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Train a model by a recipe. Stop at any time; the next run goes on.

    [dim]vta train smoke --sounds recordings --out mine --parts weights/vta-mini/encoder[/dim]

    [dim]vta train vta-mini --sounds recordings --out weights/mine --minutes 60[/dim]
    """
    import json
    import shutil

    if minutes is not None and not minutes > 0:
        raise ConfigError(f"--minutes must be above 0, not {minutes}.")
    shell: Shell = context.obj
    file = recipe_file(recipe)
    if not (sounds / "manifest.csv").is_file():
        raise ConfigError("There is no manifest.csv in the folder of recordings.", path=sounds)
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        from vtacli.model.devices import choose_device
        from vtacli.training.recipe import STAGES
        from vtacli.training.run import train as work

        if not resume and (out / "state").is_dir():
            shutil.rmtree(out / "state")
        made = work(
            file,
            sounds=sounds,
            out=out,
            parts=parts,
            minutes=minutes,
            device=str(choose_device(device)),
            stages=tuple(stage) if stage else STAGES,
            report=shell.report,
        )
    facts = json.loads((made / "facts.json").read_text(encoding="utf-8"))
    console.answer(
        f"{made}: {', '.join(facts['stages'])}", {"out": str(made), **facts} if as_json else None
    )


def recipe_file(recipe: Path) -> Path:
    """A file as named, or the recipe of that name that comes with the program.

    Raises ConfigError, with the names there are.
    """
    shipped = RECIPES / f"{recipe.name}.toml"
    if recipe.is_file():
        return recipe
    if len(recipe.parts) == 1 and shipped.is_file():
        return shipped
    names = ", ".join(sorted(p.stem for p in RECIPES.glob("*.toml")))
    raise ConfigError("There is no such recipe.", path=recipe, hint=f"There are {names}.")
