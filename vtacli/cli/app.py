"""The list of commands. Each lives in its own file and imports its work when it runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import typer

from vtacli import __version__
from vtacli.cli.ablate import ablate
from vtacli.cli.batch import batch
from vtacli.cli.cache import cache
from vtacli.cli.compare import compare
from vtacli.cli.data import app as data
from vtacli.cli.doctor import doctor
from vtacli.cli.evaluate import evaluate
from vtacli.cli.generate import generate
from vtacli.cli.history import history, undo
from vtacli.cli.measure import measure
from vtacli.cli.models import app as models
from vtacli.cli.plan import plan
from vtacli.cli.preview import preview
from vtacli.cli.probe import probe
from vtacli.cli.redo import redo
from vtacli.cli.render_session import render
from vtacli.cli.review import review
from vtacli.cli.root_help import CHECK, CHOOSE, LOOK, MAKE, MANY, MODELS, Root
from vtacli.cli.stems import stems
from vtacli.cli.takes import lock, pick, takes
from vtacli.cli.train import train
from vtacli.cli.watch import watch

app = typer.Typer(
    name="vta",
    cls=Root,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
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


def _add(panel: str, command: Callable[..., None], words: str, *, bare: bool = False) -> None:
    """``words``: what it does, for the list. ``bare``: without arguments it runs; others then show
    their help."""
    app.command(rich_help_panel=panel, short_help=words, no_args_is_help=not bare)(command)


_add(MAKE, generate, "a film's sound: the dubbed film")
_add(MAKE, stems, "a file for each sound, and their sum")

_add(CHOOSE, takes, "a session's scenes, takes and choices")
_add(CHOOSE, redo, "make some scenes again, and no other")
_add(CHOOSE, pick, "choose the take of a scene that is heard")
_add(CHOOSE, lock, "keep scenes from being changed")
_add(CHOOSE, undo, "take back the last change")
_add(CHOOSE, history, "all that happened to a session")
_add(CHOOSE, render, "write a session's film, without the model")

_add(MANY, batch, "many films, overnight; again to go on where it was")
_add(MANY, watch, "films as they come into a folder")

_add(LOOK, preview, "an HTML page to audition takes, for anybody")
_add(LOOK, review, "the same page with buttons: pick, lock, redo, render")
_add(LOOK, plan, "what generate would do, and how long it takes")
_add(LOOK, probe, "what a film is: length, rate, timecode, streams")

_add(CHECK, measure, "loudness and true peak, against a spec")
_add(CHECK, compare, "that B has A's picture and sound, untouched")
_add(CHECK, doctor, "this machine: packages, ffmpeg, devices, weights", bare=True)

app.add_typer(
    models,
    name="models",
    rich_help_panel=MODELS,
    short_help="find, fetch, check and keep models",
)
_add(MODELS, cache, "windows made before: what a rerun need not make", bare=True)
app.add_typer(
    data,
    name="data",
    rich_help_panel=MODELS,
    short_help="clips to learn from: clean, split, prepare, check",
)
_add(MODELS, train, "a model by a recipe; stops and goes on")
_add(MODELS, ablate, "the paper's three tables, for the data at hand", bare=True)
_add(MODELS, evaluate, "measure a model beside what it is held to", bare=True)
