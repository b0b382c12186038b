"""``vta preview``: a session as one offline page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.flags import ASK
from vtacli.cli.session_flags import MovedFilm, SessionPath
from vtacli.cli.shell import Shell

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vtacli.review.preview import Previewed


def preview(
    context: typer.Context,
    session: SessionPath,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="PAGE",
            help="The page. If left out: NAME.html beside the session.",
            rich_help_panel=ASK,
        ),
    ] = None,
    link: Annotated[
        bool,
        typer.Option(
            "--link",
            help="Put film and takes into a folder beside the page, PAGE.media, not into it.",
            rich_help_panel=ASK,
        ),
    ] = False,
    overwrite: flags.Overwrite = False,
    film: MovedFilm = None,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Write a page to audition takes with: one HTML file that opens anywhere, without a network.

    It plays the film with its new track and, by the scene, every take in step with the picture,
    and it shows waveform, spectrum and motion, prompts, seeds and loudness. Each take says the
    command that picks it. The film in it is a small copy, 640 pixels wide.

    [dim]vta preview street.dubbed.vta[/dim]

    [dim]vta preview street.dubbed.vta -o for-the-director.html --overwrite[/dim]

    [dim]vta preview feature.vta --link[/dim]  a long film: the page stays small

    `vta review` serves the same page with buttons that pick, lock and make takes.
    """
    from vtacli.review.preview import write_preview
    from vtacli.review.source import SessionSource

    shell: Shell = context.obj
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        source = SessionSource(session, film=film, report=shell.report)
        shown = source.read()
        made = write_preview(
            shown,
            source.footage,
            source.start,
            source.write_track,
            output or source.path.with_suffix(".html"),
            link=link,
            overwrite=overwrite,
            report=shell.report,
        )
    console.answer(_text(made), made.to_dict() if as_json else None)


def _text(made: Previewed) -> RenderableType:
    from rich.text import Text

    from vtacli.cli.render import counted
    from vtacli.errors import printable

    size = f"{made.size / 1e6:.1f} MB" if made.size >= 1e5 else f"{made.size / 1e3:.0f} kB"
    rows = [("page", f"{printable(made.page)}, {size}")]
    if made.media:
        rows.append(("media", f"{printable(made.media)}: the page needs this folder beside it"))
    rows.append(("shows", f"{counted(made.scenes, 'scene')}, {counted(made.takes, 'take')}"))
    return Text("\n".join(f"{name:<11}{value}" for name, value in rows))
