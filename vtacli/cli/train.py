"""``vta train``: make a model from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.shell import Shell


def train(
    context: typer.Context,
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="A recipe's name or file.", show_default=False)
    ],
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The folder the model is written to.")
    ] = None,
    sounds: Annotated[
        Path | None, typer.Option(metavar="DIR", help="The recordings, with their manifest.")
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="N", help="Stop after so many minutes.")
    ] = None,
    device: flags.Device = "auto",
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Go on from what OUT has.")
    ] = True,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Train a model by a recipe. Stop at any time; the next run goes on.

    [dim]vta train vta-mini --sounds recordings --out weights/mine --minutes 60[/dim]
    """
    from vtacli.training.run import train as work

    shell: Shell = context.obj
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        facts = work(
            recipe,
            out=out,
            sounds=sounds,
            minutes=minutes,
            device=device,
            resume=resume,
            report=shell.report,
        )
    console.answer("\n".join(f"{k}: {v}" for k, v in facts.items()), facts if as_json else None)
