"""``vta render``: a session's film, without the model."""

from __future__ import annotations

from typing import Annotated

import typer

from vtacli.cli import flags
from vtacli.cli import session_flags as session_flags
from vtacli.cli.flags import SOUND
from vtacli.cli.session_flags import SessionPath
from vtacli.cli.shell import Shell


def render(
    context: typer.Context,
    session: SessionPath,
    output: flags.Out = None,
    overwrite: flags.Overwrite = False,
    film: session_flags.MovedFilm = None,
    audio: session_flags.AudioMode = None,
    gain: session_flags.Gain = None,
    ceiling: session_flags.Ceiling = None,
    width: session_flags.Width = None,
    duck: session_flags.Duck = None,
    duck_attack: flags.DuckAttack = None,
    duck_release: flags.DuckRelease = None,
    dialogue: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="The stream in which speech is looked for.", rich_help_panel=SOUND
        ),
    ] = None,
    loudness: session_flags.Loudness = None,
    refit: session_flags.Refit = False,
    provenance: session_flags.Marked = None,
    codec: session_flags.Codec = None,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Write a session's film with the takes that are chosen. No model is needed.

    Whatever is not said here is as `vta generate` was asked. The film that the session wrote
    itself is replaced; another needs --overwrite.

    [dim]vta render street.dubbed.vta[/dim]

    [dim]vta render street.dubbed.vta -o quiet.mov --gain -6 --loudness ebu-r128[/dim]
    """
    from vtacli.cli.session_text import rendered_text
    from vtacli.session.choices import choices_of
    from vtacli.session.rendering import render as rendering
    from vtacli.session.session import Session

    shell: Shell = context.obj
    with (
        shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console,
        Session.open(session, write=True, command="vta render") as found,
    ):
        if film is not None:
            found.move_film(film)
        mix = session_flags.changed_mix(
            choices_of(found.state.request, found.path).mix,
            duck,
            mode=audio,
            gain_db=gain,
            ceiling_dbtp=ceiling,
            width=width,
            duck_attack_ms=duck_attack,
            duck_release_ms=duck_release,
            dialogue=dialogue,
            loudness=loudness,
            codec=codec,
        )
        done = rendering(
            found,
            output,
            mix=mix,
            overwrite=overwrite,
            provenance=provenance,
            refit=refit,
            report=shell.report,
        )
        console.answer(rendered_text(done), done.to_dict() if as_json else None)
