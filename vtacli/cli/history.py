"""``vta undo`` and ``vta history``."""

from __future__ import annotations

import typer

from vtacli.cli import flags
from vtacli.cli.session_flags import RenderToo, SessionPath
from vtacli.cli.shell import Shell


def undo(
    context: typer.Context,
    session: SessionPath,
    render: RenderToo = False,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Take back the last thing that was done to a session: a redo, a pick, a lock, a cue sheet.

    Once more takes back what was before that. Takes stay and can be picked.

    [dim]vta undo street.dubbed.vta --render[/dim]
    """
    from vtacli.cli.session_answer import answer
    from vtacli.progress import Note
    from vtacli.session.session import Session

    shell: Shell = context.obj
    with (
        shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console,
        Session.open(session, write=True, command="vta undo") as found,
    ):
        before = {s.scene.span: s for s in found.state.scenes}
        entry = found.undo()
        shell.report(Note(entry.what.capitalize() + "."))
        changed = [s.number for s in found.state.scenes if before.get(s.scene.span) != s]
        answer(console, found, changed, shell.report, render, as_json)


def history(context: typer.Context, session: SessionPath, as_json: flags.Json = False) -> None:
    """Show all that happened to a session: what, when, and by which command.

    [dim]vta history street.dubbed.vta[/dim]
    """
    from vtacli.cli.session_text import history_text
    from vtacli.session.session import Session
    from vtacli.session.telling import history_dict

    shell: Shell = context.obj
    with Session.open(session) as found:
        shell.console.answer(history_text(found), history_dict(found) if as_json else None)
