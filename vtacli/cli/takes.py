"""``vta takes``, ``vta pick`` and ``vta lock``: what a session has, and which of it is heard."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.session_flags import RenderToo, SessionPath
from vtacli.cli.shell import Shell


def takes(
    context: typer.Context,
    session: SessionPath,
    scene: Annotated[
        list[str] | None,
        typer.Option(metavar="N", help="These scenes only: 3, 5-7, or a moment in them."),
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write all scenes as they stand as a cue sheet: .toml, .csv or .json. Edit it, "
            "and give it to `vta generate IN --session --cues FILE`.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace FILE.")] = False,
    as_json: flags.Json = False,
) -> None:
    """Show a session's scenes and their takes: when, how loud, from which words and seed.

    [dim]vta takes street.dubbed.vta[/dim]

    [dim]vta takes street.dubbed.vta --scene 3 --scene 00:01:02:03[/dim]

    [dim]vta takes street.dubbed.vta --save cues.toml[/dim]
    """
    from vtacli.cli.session_text import takes_text
    from vtacli.session.selecting import scenes_named
    from vtacli.session.session import Session
    from vtacli.session.telling import save_cues, scenes_dict

    shell: Shell = context.obj
    with Session.open(session) as found:
        if save is not None:
            save_cues(found, save, overwrite)
        numbers = scenes_named(found, scene) if scene else None
        shown = [s for s in found.state.scenes if numbers is None or s.number in numbers]
        shell.console.answer(
            takes_text(found, shown), scenes_dict(found, shown) if as_json else None
        )


def pick(
    context: typer.Context,
    session: SessionPath,
    scene: Annotated[str, typer.Argument(metavar="SCENE", help="Its number, or a moment in it.")],
    take: Annotated[int, typer.Argument(metavar="TAKE", help="The number of its take.")],
    render: RenderToo = False,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Choose the take of a scene that is heard. `vta undo` takes it back.

    [dim]vta pick street.dubbed.vta 3 2[/dim]
    """
    from vtacli.cli.session_answer import answer
    from vtacli.session.selecting import scenes_named
    from vtacli.session.session import Session

    shell: Shell = context.obj
    with (
        shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console,
        Session.open(session, write=True, command="vta pick") as found,
    ):
        numbers = scenes_named(found, [scene])
        for number in numbers:
            found.pick(number, take)
        answer(console, found, numbers, shell.report, render, as_json)


def lock(
    context: typer.Context,
    session: SessionPath,
    scenes: Annotated[
        list[str], typer.Argument(metavar="SCENES", help="3, 5-7, 1,4 or a moment in one.")
    ],
    unlock: Annotated[bool, typer.Option("--unlock", help="Let them be changed again.")] = False,
    as_json: flags.Json = False,
) -> None:
    """Lock scenes: nothing makes or picks another take of them.

    [dim]vta lock street.dubbed.vta 1-4[/dim]

    [dim]vta lock street.dubbed.vta 2 --unlock[/dim]
    """
    from vtacli.cli.session_answer import answer
    from vtacli.session.selecting import scenes_named
    from vtacli.session.session import Session

    shell: Shell = context.obj
    with Session.open(session, write=True, command="vta lock") as found:
        numbers = scenes_named(found, scenes)
        found.lock(numbers, locked=not unlock)
        answer(shell.console, found, numbers, shell.report, False, as_json, heard=False)
