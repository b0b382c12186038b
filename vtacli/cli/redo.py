"""``vta redo``: some scenes once more."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.flags import ASK, MACHINE
from vtacli.cli.session_flags import MovedFilm, RenderToo, SessionPath
from vtacli.cli.shell import Shell


def redo(
    context: typer.Context,
    session: SessionPath,
    scene: Annotated[
        list[str],
        typer.Option(
            metavar="N", help="Which: 3, 5-7, 1,4 or a moment in one.", rich_help_panel=ASK
        ),
    ],
    prompt: Annotated[
        str | None,
        typer.Option(
            metavar="TEXT",
            help="What is to be heard. If left out: what the scene has.",
            rich_help_panel=ASK,
        ),
    ] = None,
    negative: flags.Negative = None,
    hits: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Moments that must be heard, in place of the scene's.",
            rich_help_panel=ASK,
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N", help="Of the first new take. If left out: another.", rich_help_panel=ASK
        ),
    ] = None,
    takes: Annotated[
        int, typer.Option(metavar="N", help="How many new takes.", rich_help_panel=ASK)
    ] = 1,
    pick: Annotated[
        bool,
        typer.Option(
            "--pick/--no-pick", help="The first new take is heard from now on.", rich_help_panel=ASK
        ),
    ] = True,
    render: RenderToo = False,
    film: MovedFilm = None,
    cache: flags.Cache = True,
    weights_dir: flags.WeightsDir = None,
    device: flags.Device = "auto",
    batch_size: Annotated[
        int, typer.Option(metavar="N", help="Windows at once.", rich_help_panel=MACHINE)
    ] = 4,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Make scenes of a session again. Every other scene stays as it is, sample by sample.

    Only these scenes are made. What they had stays as a take: `vta takes` lists, `vta pick`
    chooses, `vta undo` goes back.

    [dim]vta redo street.dubbed.vta --scene 3[/dim]

    [dim]vta redo street.dubbed.vta --scene 3 --prompt "hail on a tin roof" --takes 3[/dim]

    [dim]vta redo street.dubbed.vta --scene 5-7 --scene 00:01:02:03 --render[/dim]
    """
    from fractions import Fraction

    from vtacli.cli.session_answer import answer
    from vtacli.media.marks import read_hits
    from vtacli.session.choices import choices_of
    from vtacli.session.redo import redo as redoing
    from vtacli.session.selecting import scenes_named
    from vtacli.session.session import Session
    from vtacli.window_cache.facade import remembered

    shell: Shell = context.obj
    with (
        shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console,
        Session.open(session, write=True, command="vta redo") as found,
    ):
        if film is not None:
            found.move_film(film)
        numbers = scenes_named(found, scene)
        options = choices_of(found.state.request, found.path)
        facts = found.facts
        duration_s, frame_rate = Fraction(facts.duration_s), Fraction(facts.frame_rate)
        moments = None if hits is None else read_hits(hits, duration_s, frame_rate)
        handle = shell.find_model(
            options.model, device=device, dtype=options.dtype, weights_dir=weights_dir
        )
        with remembered(handle, shell.report, use=cache) as known:
            redoing(
                found,
                numbers,
                model=known.handle,
                prompt=prompt,
                negative=negative,
                seed=seed,
                hits=moments,
                takes=takes,
                pick=pick,
                device=device,
                batch_size=batch_size,
                report=shell.report,
            )
        answer(console, found, numbers, shell.report, render, as_json, heard=pick)
