"""``vta measure``: how loud a file is, and whether it may be delivered so."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.shell import Shell

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vtacli.measure import Measured


def measure(
    context: typer.Context,
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE...", help="Sound files or films.", show_default=False),
    ],
    spec: Annotated[
        str | None,
        typer.Option(
            metavar="SPEC",
            help="Hold it against ebu-r128, atsc-a85, netflix, streaming, podcast, or a number "
            "of LUFS, -16 for example.",
            show_default=False,
        ),
    ] = None,
    stream: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="The stream's number, as vta probe shows it. If left out: the default track.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.svg", help="Draw short-term loudness over time.", show_default=False
        ),
    ] = None,
    overwrite: flags.Overwrite = False,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
) -> None:
    """Measure loudness and true peak, and hold them against a spec.

    By ITU-R BS.1770-5 and EBU Tech 3341 and 3342. Loudness is gated over the whole programme, not
    by dialogue. Exit code 10: the spec is not met.

    [dim]vta measure mix.wav --spec ebu-r128[/dim]

    [dim]vta measure dubbed.mp4 --spec -16 --json[/dim]

    [dim]vta measure *.wav --plot loudness.svg[/dim]
    """
    from vtacli.cli.loudness_plot import check_plot, write_plot
    from vtacli.errors import CheckFailed
    from vtacli.measure import measure as listen
    from vtacli.media.sound import sound_track
    from vtacli.signal.specs import spec_of

    shell: Shell = context.obj
    wanted = spec_of(spec) if spec is not None else None
    plot = check_plot(plot, files, overwrite) if plot else None
    with shell.talk(progress=progress, quiet=quiet, verbose=False) as console:
        # all are opened before any is read: hours of listening should not end at a bad name
        tracks = [sound_track(file, stream) for file in files]
        found = [listen(track, wanted, shell.report) for track in tracks]
    if plot:
        write_plot(plot, found, wanted)
    passed = all(m.verdict is None or m.verdict.passed for m in found)
    answer = {
        "files": [m.to_dict() for m in found],
        "passed": passed if wanted else None,
        "plot": str(plot) if plot else None,
    }
    console.answer(_text(found), answer if as_json else None)
    if not passed:
        bad = [m for m in found if m.verdict and not m.verdict.passed]
        count = "" if len(found) == 1 else f"{len(bad)} of {len(found)} files do not meet it: "
        names = "" if len(found) == 1 else ", ".join(m.track.path.name for m in bad)
        raise CheckFailed(
            f"{wanted} is not met. {count}{names}".strip(),
            path=files[0] if len(files) == 1 else None,
        )


def _text(found: list[Measured]) -> RenderableType:
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vtacli.errors import printable

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("file")
    for column in ("integrated", "range", "short-term max", "momentary max", "true peak"):
        table.add_column(column, justify="right")
    lines = []
    for one in found:
        heard = one.loudness
        table.add_row(
            Text(printable(one.track.path.name)),
            f"{heard.integrated_lufs:.1f} LUFS",
            f"{heard.range_lu:.1f} LU",
            f"{heard.max_short_term_lufs:.1f} LUFS",
            f"{heard.max_momentary_lufs:.1f} LUFS",
            f"{heard.true_peak_dbtp:.1f} dBTP",
        )
        name = printable(one.track.path.name)
        if one.track.others:
            what = one.track.title or one.track.language
            which = f"stream {one.track.index}{f' ({printable(what)})' if what else ''}"
            lines.append(Text(f"{name}: {which} of {one.track.others + 1} with sound. --stream N"))
        for sentence in one.verdict.sentences if one.verdict else ():
            style = "green" if one.verdict and one.verdict.passed else "bold red"
            word = "ok" if one.verdict and one.verdict.passed else "NO"
            lines.append(Text.assemble((f"{word}  ", style), f"{name}: {sentence}"))
    spec = found[0].verdict.spec if found[0].verdict else None
    note = spec.note if spec and spec.note else "programme-gated, not by dialogue"
    return Group(table, Text(), *lines, Text(f"Loudness is {note}.", style="dim"))
