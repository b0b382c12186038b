"""The list of commands. Each lives in its own file and imports its work when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from vtacli import __version__
from vtacli.cli.compare import compare
from vtacli.cli.doctor import doctor
from vtacli.cli.evaluate import evaluate
from vtacli.cli.generate import generate
from vtacli.cli.measure import measure
from vtacli.cli.models import app as models
from vtacli.cli.plan import plan
from vtacli.cli.probe import probe
from vtacli.cli.stems import stems
from vtacli.cli.train import train

MAKE, LOOK, CHECK, SET_UP = "Make", "Look before you leap", "Check", "Set up"

app = typer.Typer(
    name="vta",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Example:  vta generate street.mp4 --prompt 'rain on a tin roof'",
)


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"vta {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="The version, and leave."),
    ] = False,
) -> None:
    """Give a silent film its sound."""


app.command(rich_help_panel=MAKE, no_args_is_help=True)(generate)
app.command(rich_help_panel=MAKE, no_args_is_help=True)(stems)
app.command(rich_help_panel=LOOK, no_args_is_help=True)(plan)
app.command(rich_help_panel=LOOK, no_args_is_help=True)(probe)
app.command(rich_help_panel=CHECK, no_args_is_help=True)(measure)
app.command(rich_help_panel=CHECK, no_args_is_help=True)(compare)
app.command(rich_help_panel=SET_UP)(doctor)
app.add_typer(
    models,
    name="models",
    rich_help_panel=SET_UP,
    short_help="Find, fetch, check and keep models.",
)
app.command(rich_help_panel=SET_UP, no_args_is_help=True)(train)
app.command(rich_help_panel=SET_UP)(evaluate)
