"""``vta batch``: many films, overnight if need be."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtacli.cli import batch_flags
from vtacli.cli.batch_flags import FILMS, RUN, Ways, order_of
from vtacli.cli.choices import choices, takes
from vtacli.cli.shell import Shell
from vtacli.options import GenerateOptions


@takes(batch_flags.ways, choices)
def batch(
    context: typer.Context,
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="DIR|FILES|LIST.txt",
            help="Folders, films, or lists with a path a line.",
            show_default=False,
        ),
    ],
    output: batch_flags.Out,
    choices: GenerateOptions,
    ways: Ways,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be done; nothing is made.", rich_help_panel=RUN
        ),
    ] = False,
    fail_fast: Annotated[
        bool,
        typer.Option("--fail-fast", help="Stop at the first failure.", rich_help_panel=RUN),
    ] = False,
    remake: Annotated[
        bool,
        typer.Option("--remake", help="Make again what is done.", rich_help_panel=FILMS),
    ] = False,
    verify: Annotated[
        bool,
        typer.Option(
            "--verify",
            help="Read every output that is there and hold it against its hash, instead of "
            "trusting its size and time.",
            rich_help_panel=FILMS,
        ),
    ] = False,
) -> None:
    """Dub many films. The model is loaded once, and one bad film does not stop the others.

    Run the same command again to go on: after Ctrl-C, a crash or a full disk, when films were
    added, or when settings changed. Done is what was made of the same content with the same
    settings, whatever it is called now. Exit code 9: some films failed; a table names them.

    [dim]vta batch rushes/ -o dubbed/[/dim]

    [dim]vta batch rushes/ -r --exclude '*proxy*' -o dubbed/ --prompt rain --report done.json[/dim]

    [dim]vta batch a.mp4 b.mov more.txt -o dubbed/ --retry 1 --time-limit 3600[/dim]

    [dim]vta batch /shared/films -o /shared/dubbed --engine ray --address head:6379[/dim]
    """
    from vtacli.batch.leading import carry_out, outlook
    from vtacli.cli.batch_text import BatchConsole, result_text

    shell: Shell = context.obj
    with (
        shell.talk(progress=ways.progress, quiet=ways.quiet, verbose=ways.verbose) as console,
        BatchConsole(shell) as screen,
    ):
        order, start = order_of(
            shell,
            tuple(sources),
            output,
            choices,
            ways,
            fail_fast=fail_fast,
            remake=remake,
            verify=verify,
        )
        if dry_run:
            result = outlook(order, screen.report)
        else:
            result = carry_out(order, start, screen.report)
    console.answer(result_text(result, dry_run), result.to_dict() if ways.as_json else None)
    if not dry_run and (error := result.error()):
        raise error
