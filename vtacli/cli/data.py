"""``vta data``: clips to learn from, from a list or folder of films to what training reads."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.data_clean import clean
from vtacli.cli.data_flags import Clips, Source, Workers, encoder_names, processes, read_source
from vtacli.cli.flags import MACHINE
from vtacli.cli.shell import Shell
from vtacli.errors import PartialError

WHAT, FIRST, THEN = "What to make", "Before", "For training"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Clips to learn from. A SOURCE is a folder of films, or a list: JSON lines with "
    "video_path, audio_file and description, CSV with such columns, or VGGSound's vggsound.csv.",
    epilog="Example:  vta data prepare films -o prepared --encoder mini",
)

Prepared = Annotated[
    Path, typer.Argument(metavar="DIR", help="What prepare made.", show_default=False)
]


@app.command("show", rich_help_panel=FIRST, no_args_is_help=True)
def show(
    context: typer.Context,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE|DIR", help="A list, a folder, or what was prepared.", show_default=False
        ),
    ],
    clips: Clips = None,
    as_json: flags.Json = False,
) -> None:
    """What is in a list, a folder of films, or a prepared folder. No film is opened.

    [dim]vta data show vggsound.csv --clips vggsound/video[/dim]

    [dim]vta data show prepared[/dim]
    """
    shell: Shell = context.obj
    console = shell.talk(progress="none", quiet=False, verbose=False)
    from vtacli.cli.data_text import facts_text, listed_text
    from vtacli.training.data.overview import listed, prepared

    if (source / "facts.json").is_file():
        found = prepared(source)
        console.answer(facts_text(found), found if as_json else None)
    else:
        found = listed(read_source(source, clips))
        console.answer(listed_text(source, found), found if as_json else None)


@app.command("split", rich_help_panel=FIRST, no_args_is_help=True)
def split(
    context: typer.Context,
    source: Source,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="The folder.", show_default=False),
    ],
    train: Annotated[
        float, typer.Option(metavar="SHARE", help="Of the sources, for training.")
    ] = 0.96,
    validation: Annotated[float, typer.Option(metavar="SHARE", help="For validation.")] = 0.02,
    salt: Annotated[str, typer.Option(metavar="WORD", help="Another word, another split.")] = "",
    anew: Annotated[
        bool, typer.Option("--anew", help="Leave aside what the list says of splits.")
    ] = False,
    clips: Clips = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the lists.")] = False,
    as_json: flags.Json = False,
) -> None:
    """Write train.jsonl, valid.jsonl and test.jsonl; no video is in two of them.

    Which one a video is in follows from its name alone: clips that come later move no other. What
    the list itself says of splits is kept.

    [dim]vta data split films -o lists --train 0.9 --validation 0.05[/dim]
    """
    shell: Shell = context.obj
    console = shell.talk(progress="none", quiet=False, verbose=False)
    from vtacli.cli.data_text import splits_text
    from vtacli.training.data.manifest import write_splits
    from vtacli.training.data.splits import splits

    rest = 1 - train - validation
    shares = {"train": train, "validation": validation, "test": 0.0 if abs(rest) < 1e-9 else rest}
    found = splits(read_source(source, clips), shares, salt, keep=not anew)
    files = write_splits(output, found, overwrite)
    answer = {
        name: {
            "file": str(files[name]),
            "clips": len(rows),
            "sources": len({c.source for c in rows}),
        }
        for name, rows in found.items()
    }
    console.answer(splits_text(answer), answer if as_json else None)


app.command("clean", rich_help_panel=FIRST, no_args_is_help=True)(clean)


@app.command("prepare", rich_help_panel=THEN, no_args_is_help=True)
def prepare(
    context: typer.Context,
    source: Source,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="The folder.", show_default=False),
    ],
    encoder: Annotated[
        str,
        typer.Option(
            metavar="NAME|DIR",
            help="Whose features are kept: an encoder, or the folder of one or of a model.",
            rich_help_panel=WHAT,
            autocompletion=encoder_names,
        ),
    ] = "mini",
    auxiliary: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="What will join it, such as flow-token; may be given again. A model's folder "
            "says so itself.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="The weights of a named encoder.", rich_help_panel=MACHINE
        ),
    ] = None,
    text: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="A CLIP with its tokenizer, whose text tower reads the captions.",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    random_weights: Annotated[
        int | None,
        typer.Option(
            metavar="SEED",
            help="No weights at all but random ones, for trying things out.",
            rich_help_panel=MACHINE,
        ),
    ] = None,
    clips: Clips = None,
    hop: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="How far apart windows of a long clip start. If left out: 10.24, end to end.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    most_windows: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="No more windows of one clip; 1 is as published.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    shortest: Annotated[
        float,
        typer.Option(
            metavar="S", help="Shorter clips are left out, seconds.", rich_help_panel=WHAT
        ),
    ] = 1.0,
    level: Annotated[
        str,
        typer.Option(
            **flags.among("peak", "as-is"),
            help="Bring each window to a peak of 0.5, as published, or leave it.",
            rich_help_panel=WHAT,
        ),
    ] = "peak",
    workers: Workers = None,
    device: flags.Device = "cpu",
    retry: Annotated[
        bool, typer.Option("--retry", help="Try clips again that failed before.")
    ] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Delete shards that other settings or clips left.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would take.")
    ] = False,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
) -> None:
    """Decode every clip once, and keep its log-mel and a frozen encoder's features.

    Stop it at any time, by whatever means: the same command goes on, and ends with the same bytes.
    Clips that cannot be used are left out and listed in DIR/report.json. Another encoder or other
    settings make shards of their own.

    Exit code 9: some clips were left out.

    [dim]vta data prepare films -o prepared[/dim]

    [dim]vta data prepare vggsound.csv --clips vggsound/video -o prepared --encoder vjepa2
    --weights vjepa2-vitl --device cuda --workers 8[/dim]
    """
    shell: Shell = context.obj
    with shell.talk(progress=progress, quiet=quiet, verbose=False) as console:
        listed = read_source(source, clips)
        from vtacli.cli.data_text import estimate_text, prepared_text
        from vtacli.training.data import preparing
        from vtacli.training.data.encoding import EncoderChoice
        from vtacli.training.data.settings import Settings

        settings = Settings(
            hop_s=None if hop is None else flags.seconds(hop, "--hop"),
            most_windows=most_windows,
            level=level,
            shortest_s=flags.seconds(shortest, "--shortest"),
        )
        choice = EncoderChoice(
            encoder=encoder,
            auxiliaries=tuple(auxiliary or ()),
            weights=weights,
            text=text,
            seed=random_weights,
            device=device,
        )
        if dry_run:
            settings, cost = preparing.plan(listed, choice, settings, output)
            answer = {**cost.to_dict(), "settings": settings.facts()}
            console.answer(estimate_text(cost, settings), answer if as_json else None)
            return
        made = preparing.prepare(
            listed,
            output,
            choice,
            settings,
            workers=processes(workers),
            retry=retry,
            prune=prune,
            report=shell.report,
        )
    console.answer(prepared_text(made), made.to_dict() if as_json else None)
    if made.failures:
        raise PartialError(
            f"{len(made.failures)} of {made.clips} clips were left out.",
            path=made.folder / preparing.REPORT,
            hint="Their reasons are in this file.",
        )


@app.command("check", rich_help_panel=THEN, no_args_is_help=True)
def check(
    context: typer.Context,
    folder: Prepared,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
) -> None:
    """Read every shard of a prepared folder: shapes, times, and that all numbers are finite.

    Exit code 10: something is not as it should be.

    [dim]vta data check prepared[/dim]
    """
    shell: Shell = context.obj
    with shell.talk(progress=progress, quiet=quiet, verbose=False) as console:
        from vtacli.cli.data_text import checked_text
        from vtacli.errors import CheckFailed
        from vtacli.training.data.checking import check as work

        found = work(folder, shell.report)
    console.answer(checked_text(found), found.to_dict() if as_json else None)
    if not found.ok:
        raise CheckFailed(
            f"{len(found.problems)} things are not as they should be.",
            path=folder,
            hint="Delete the shards that are named, and prepare again.",
        )
