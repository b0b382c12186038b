"""``vta watch``: films are dubbed as they come into a folder."""

from __future__ import annotations

from math import isfinite
from pathlib import Path
from typing import Annotated

import typer

from vtacli.cli import batch_flags
from vtacli.cli.batch_flags import RUN, Ways, order_of
from vtacli.cli.choices import choices, takes
from vtacli.cli.shell import Shell
from vtacli.errors import ConfigError
from vtacli.options import GenerateOptions


@takes(batch_flags.ways, choices)
def watch(
    context: typer.Context,
    folders: Annotated[
        list[Path],
        typer.Argument(metavar="DIR...", help="Folders to watch.", show_default=False),
    ],
    output: batch_flags.Out,
    choices: GenerateOptions,
    ways: Ways,
    settle: Annotated[
        float,
        typer.Option(
            metavar="S",
            help="Take a film when its size and time have not changed for so many seconds.",
            rich_help_panel=RUN,
        ),
    ] = 5.0,
    once: Annotated[
        bool,
        typer.Option(
            "--once", help="End when everything that is there is done.", rich_help_panel=RUN
        ),
    ] = False,
) -> None:
    """Dub films as they come into a folder, until stopped with Ctrl-C.

    A film is taken when it has stopped growing and nobody writes to it any more. The record in the
    output is the same as of `vta batch`: either goes on where the other was.

    [dim]vta watch inbox/ -o dubbed/[/dim]

    [dim]vta watch inbox/ -r -o dubbed/ --settle 30 --prompt "city street"[/dim]

    [dim]vta watch inbox/ -o dubbed/ --once --report done.json[/dim]
    """
    from vtacli.batch.watching import watch as watch_folders
    from vtacli.cli.batch_text import BatchConsole, result_text

    shell: Shell = context.obj
    if not (isfinite(settle) and settle >= 0):
        raise ConfigError(f"--settle is 0 seconds or more, not {settle}.")
    with (
        shell.talk(progress=ways.progress, quiet=ways.quiet, verbose=ways.verbose) as console,
        BatchConsole(shell) as screen,
    ):
        order, start = order_of(shell, tuple(folders), output, choices, ways)
        result = watch_folders(order, start, screen.report, settle_s=settle, once=once)
    console.answer(result_text(result), result.to_dict() if ways.as_json else None)
    if error := result.error():
        raise error
