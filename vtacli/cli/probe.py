"""``vta probe``: what a film is."""

from __future__ import annotations

import typer

from vtacli.cli import flags
from vtacli.cli.shell import Shell


def probe(
    context: typer.Context,
    film: flags.Film,
    as_json: flags.Json = False,
    quiet: flags.Quiet = False,
) -> None:
    """Show what a film is: its exact length, rate, timecode and streams.

    [dim]vta probe street.mp4[/dim]

    [dim]vta probe --json -- -odd-name.mp4[/dim]
    """
    from vtacli.cli.render import footage_text
    from vtacli.media.probe import probe as look
    from vtacli.plan_dicts import footage_dict

    shell: Shell = context.obj
    console = shell.talk(progress="rich", quiet=quiet, verbose=False)
    footage = look(film)
    console.answer(footage_text(footage), footage_dict(footage) if as_json else None)
