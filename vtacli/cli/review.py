"""``vta review``: the audition page with buttons that work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.flags import ASK
from vtacli.cli.session_flags import MovedFilm, SessionPath
from vtacli.cli.shell import Shell

if TYPE_CHECKING:
    from vtacli.models import ModelHandle
    from vtacli.session.state import State


def review(
    context: typer.Context,
    session: SessionPath,
    port: Annotated[
        int,
        typer.Option(
            min=0,
            max=65535,
            metavar="N",
            help="On 127.0.0.1. If left out: any that is free.",
            show_default=False,
            rich_help_panel=ASK,
        ),
    ] = 0,
    browser: Annotated[
        bool,
        typer.Option(
            "--browser/--no-browser", help="Open the page in a browser.", rich_help_panel=ASK
        ),
    ] = True,
    film: MovedFilm = None,
    device: flags.Device = "auto",
    weights_dir: flags.WeightsDir = None,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Serve the audition page of a session on this machine, with buttons that work: pick, lock,
    redo, undo, render. Ctrl-C ends it.

    The address that is printed holds a secret; whoever has it, on this machine, can use the page.
    The command line can work on the same session meanwhile, and the page follows. The model is
    read when the first redo asks for it, and kept.

    [dim]vta review street.dubbed.vta[/dim]

    [dim]vta review street.dubbed.vta --port 8700 --no-browser[/dim]  then, from elsewhere:

    [dim]ssh -L 8700:127.0.0.1:8700 workstation[/dim]
    """
    from vtacli.review.serving import reviewing

    shell: Shell = context.obj

    def find_model(state: State) -> ModelHandle:
        return shell.find_model(
            str(state.request["model"]),
            device=device,
            dtype=str(state.request.get("dtype", "auto")),
            weights_dir=weights_dir,
        )

    # no bars: several threads talk, and the page has its own
    console = shell.talk(progress="none", quiet=quiet, verbose=verbose)
    with reviewing(session, port, find_model, shell.report, console.report, film) as at_work:
        answer = {"url": at_work.address, "session": str(at_work.session)}
        console.answer(f"{at_work.address}", answer if as_json else None)
        if browser:
            _open(at_work.door)
        at_work.serve()


def _open(page: Path) -> None:
    """In a browser with windows, where there is one: one for terminals would take this one."""
    import os
    import sys
    import webbrowser

    if sys.platform in ("darwin", "win32") or {"DISPLAY", "WAYLAND_DISPLAY"} & set(os.environ):
        webbrowser.open(page.as_uri())
