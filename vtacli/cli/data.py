"""``vta data``: clips to learn from, from a list or folder of films to what training reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.flags import MACHINE
from vtacli.cli.shell import Shell
from vtacli.errors import ConfigError, PartialError, printable

if TYPE_CHECKING:
    from vtacli.training.data.clip import Clip

WHAT, FIRST, THEN = "What to make", "Before", "For training"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Clips to learn from. A SOURCE is a folder of films, or a list: JSON lines with "
    "video_path, audio_file and description, CSV with such columns, or VGGSound's vggsound.csv.",
    epilog="Example:  vta data prepare films -o prepared --encoder mini",
)

Source = Annotated[
    Path,
    typer.Argument(metavar="SOURCE", help="A folder of films, or a list.", show_default=False),
]
Prepared = Annotated[
    Path, typer.Argument(metavar="DIR", help="What prepare made.", show_default=False)
]
Clips = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where the files of a list lie. If left out: beside it, or here."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Processes; 0: this one. If left out: one for each core.",
        rich_help_panel=MACHINE,
    ),
]


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
            autocompletion=lambda: _encoders(),
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
        listed = _read(source, clips)
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
            workers=_processes(workers),
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
        found = listed(_read(source, clips))
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
    found = splits(_read(source, clips), shares, salt, keep=not anew)
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


@app.command("clean", rich_help_panel=FIRST, no_args_is_help=True)
def clean(
    context: typer.Context,
    source: Source,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE.jsonl",
            help="The list of kept clips. If left out: only the table.",
        ),
    ] = None,
    av_align: Annotated[
        float | None,
        typer.Option("--av-align", metavar="X", help="Leave out what scores less.", min=0),
    ] = None,
    words: Annotated[
        float | None,
        typer.Option(
            metavar="X", help="The same for the caption against what is heard, -1 to 1.", min=-1
        ),
    ] = None,
    picture: Annotated[
        float | None,
        typer.Option(metavar="X", help="The same for what is seen against what is heard.", min=-1),
    ] = None,
    peak: Annotated[
        float, typer.Option(metavar="DBFS", help="The same for the loudest sample.")
    ] = -60.0,
    version: Annotated[
        str,
        typer.Option(
            **flags.among("vta", "paper", "tempotokens-2023", "tempotokens-2025", "none"),
            help="Which AV-Align. vta reads onsets and strikes; the others optical flow, slowly.",
        ),
    ] = "vta",
    drop_unknown: Annotated[
        bool,
        typer.Option("--drop-unknown", help="Leave out clips of which a score cannot be told."),
    ] = False,
    scores: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.jsonl",
            help="Keep scores here, and take those that are. If left out: beside OUTPUT.",
        ),
    ] = None,
    page: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Draw the scores, and list the worst clips."),
    ] = None,
    clips: Clips = None,
    weights_dir: flags.WeightsDir = None,
    workers: Workers = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the list.")] = False,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
) -> None:
    """Score how well sound, picture and words fit, and leave out the worst.

    Without -o it only says what would be left out. Scores are kept in a file, so that another
    threshold costs nothing, and a run that was stopped goes on.

    AV-Align decides little about one clip: cut off the lowest, not the lower half.

    Exit code 9: some clips could not be read; they are not in the list.

    [dim]vta data clean films --page scores.html --scores scores.jsonl[/dim]

    [dim]vta data clean films -o kept.jsonl --av-align 0.05 --words 0.1[/dim]
    """
    shell: Shell = context.obj
    with shell.talk(progress=progress, quiet=quiet, verbose=False) as console:
        listed = _read(source, clips)
        if output is not None and output.exists() and not overwrite:
            from vtacli.errors import OutputError

            raise OutputError("The list exists.", path=output, hint="Use --overwrite.")
        from vtacli.cli.data_text import cleaned_text
        from vtacli.training.data.clean import Limits, score_clips
        from vtacli.training.data.manifest import write_manifest
        from vtacli.training.data.scores import AV_VERSIONS, Ears, find_listeners

        if version not in (*AV_VERSIONS, "none"):
            raise ConfigError(f"There is no AV-Align {version!r}: {', '.join(AV_VERSIONS)}.")
        if version == "none" and av_align is not None:
            raise ConfigError("--av-align is a threshold of a score that --version leaves out.")
        ears = Ears(None if version == "none" else version, *find_listeners(weights_dir))
        if not ears.understands and (words is not None or picture is not None):
            raise ConfigError(
                "--words and --picture need the sound tagger and vta-mini.",
                hint="Install vta with its weights, or name them: --weights-dir.",
            )
        limits = Limits(av_align, words, picture, peak, keep_unknown=not drop_unknown)
        log = scores or (None if output is None else output.with_suffix(".scores.jsonl"))
        found = score_clips(
            listed, ears, limits, log=log, workers=_processes(workers), report=shell.report
        )
        if output is not None:
            write_manifest(output, found.kept, overwrite)
        if page is not None:
            from vtacli.training.data.score_page import write_page

            write_page(page, found)
    answer = {**found.to_dict(), "output": None if output is None else str(output)}
    console.answer(cleaned_text(found, output, page), answer if as_json else None)
    if found.failures:
        raise PartialError(f"{len(found.failures)} of {len(listed)} clips could not be scored.")


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


def _read(source: Path, clips: Path | None) -> list[Clip]:
    from vtacli.training.data.manifest import read_manifest

    if not source.exists():
        raise ConfigError(f"There is no {printable(source)}.", hint="Give a folder or a list.")
    return read_manifest(source, clips)


def _processes(workers: int | None) -> int:
    """One for each core that this process may use, where it is not said."""
    import os

    if workers is None:
        cores = getattr(os, "sched_getaffinity", None)
        return len(cores(0)) if cores else (os.cpu_count() or 1)
    if workers < 0:
        raise ConfigError(f"--workers is 0 or more, not {workers}.")
    return workers


def _encoders() -> list[str]:
    from vtacli.model.encoders.spec import SPECS

    return list(SPECS)
