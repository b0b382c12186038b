"""``vta compare``: proof that a film's picture and sound were not touched."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.shell import Shell

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vtacli.compare import Comparison, Pair


def compare(
    context: typer.Context,
    film: Annotated[
        Path, typer.Argument(metavar="A", help="The film as it was.", show_default=False)
    ],
    other: Annotated[
        Path, typer.Argument(metavar="B", help="The film made from it.", show_default=False)
    ],
    picture_only: Annotated[
        bool,
        typer.Option(
            "--picture-only",
            help="Let sound be missing or changed, as after --audio replace; it is still listed.",
        ),
    ] = False,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
) -> None:
    """Prove that B has A's picture and sound, untouched.

    Every packet of A must be in B, at the same time against the picture. Streams are matched by
    content, wherever they stand; those only in B are new. Languages, chapters, timecode and
    subtitles that differ are listed. Exit code 10: the picture differs, or a track of A differs
    or is missing.

    [dim]vta compare street.mov street.dubbed.mov[/dim]

    [dim]vta compare street.mov silent.mov --picture-only --json[/dim]
    """
    from vtacli.compare import compare as hold
    from vtacli.errors import CheckFailed

    shell: Shell = context.obj
    with shell.talk(progress=progress, quiet=quiet, verbose=False) as console:
        found = hold(film, other, shell.report)
    console.answer(_text(found), found.to_dict() if as_json else None)
    failed = []
    if not found.picture_kept:
        failed.append("the picture")
    if not found.sound_kept and not picture_only:
        failed.append("the original sound")
    if failed:
        raise CheckFailed(f"Not the same: {' and '.join(failed)}.", path=other)


def _text(found: Comparison) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vtacli.errors import printable

    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in ("A", "B", "stream", "", "packets", "remarks"):
        table.add_column(column, justify="right" if column in ("A", "B", "packets") else "left")
    for pair in found.pairs:
        table.add_row(
            str(pair.before.index) if pair.before else "",
            str(pair.after.index) if pair.after else "",
            Text(printable(_stream(pair))),
            Text(pair.state, style="green" if pair.kept else _colour(pair)),
            str(pair.packets),
            Text(printable("; ".join(_said(pair)))),
        )
    lines = [Text(printable(d), style="bold red") for d in found.serious]
    lines += [Text(printable(d)) for d in found.differences]
    return Group(table, Text(), *lines, Text(_verdict(found)))


def _stream(pair: Pair) -> str:
    stream = pair.before or pair.after
    assert stream is not None
    parts = [stream.kind, stream.codec, stream.language, stream.title and f"“{stream.title}”"]
    return " ".join(p for p in parts if p)


def _colour(pair: Pair) -> str:
    return "bold red" if pair.essential else "yellow"


def _said(pair: Pair) -> list[str]:
    said = list(pair.remarks)
    if pair.moved_s:
        said.insert(0, f"moved by {pair.moved_s:.4f} s against the picture")
    if pair.how == "payload":
        said.append("the same bytes in other packets")
    if pair.how == "coded":
        said.append("the same coded units, framed anew")
    return said


def _verdict(found: Comparison) -> str:
    tracks = [p for p in found.pairs if p.essential and p.kind == "audio"]
    kept = sum(p.kept for p in tracks)
    picture = "The picture is identical" if found.picture_kept else "The picture is not the same"
    if not tracks:
        return f"{picture}; there was no sound."
    if kept == len(tracks):
        sound = "the original track is" if kept == 1 else f"all {kept} original tracks are"
        return f"{picture}; {sound} identical."
    return f"{picture}; {kept} of {len(tracks)} original tracks are identical."
