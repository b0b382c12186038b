"""``vta data clean``: score how well sound, picture and words fit, and leave out the worst."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.data_flags import Clips, Source, Workers, processes, read_source
from vtacli.cli.shell import Shell
from vtacli.errors import ConfigError, OutputError, PartialError


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
    imagebind: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="The same by ImageBind, whose weights (CC-BY-NC-SA-4.0: not for commerce) you "
            "put on a shelf.",
            min=-1,
        ),
    ] = None,
    clap: Annotated[
        float | None,
        typer.Option(
            metavar="X",
            help="The same for the caption by a CLAP that you put on a shelf.",
            min=-1,
        ),
    ] = None,
    networks: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="Score by imagebind, clap, with commas, or none. If left out: by those whose "
            "weights lie on a shelf.",
        ),
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
    device: Annotated[
        str,
        typer.Option(
            **flags.among(*flags.DEVICES),
            help="Where imagebind and clap run, once in each process.",
            rich_help_panel=flags.MACHINE,
        ),
    ] = "cpu",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the list.")] = False,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
) -> None:
    """Score how well sound, picture and words fit, and leave out the worst.

    Without -o it only says what would be left out. Scores are kept in a file, so that another
    threshold costs nothing, and a run that was stopped goes on.

    imagebind (picture against sound) and clap (caption against sound) are cosines of embeddings
    by networks of others: folders of these names beside the models, with imagebind_huge.pth and
    with a CLAP of transformers. Nothing of ImageBind is for commerce (CC-BY-NC-SA-4.0).

    AV-Align decides little about one clip: cut off the lowest, not the lower half.

    Exit code 9: some clips could not be read; they are not in the list.

    [dim]vta data clean films --page scores.html --scores scores.jsonl[/dim]

    [dim]vta data clean films -o kept.jsonl --av-align 0.05 --words 0.1[/dim]
    """
    shell: Shell = context.obj
    with shell.talk(progress=progress, quiet=quiet, verbose=False) as console:
        listed = read_source(source, clips)
        if output is not None and output.exists() and not overwrite:
            raise OutputError("The list exists.", path=output, hint="Use --overwrite.")
        from vtacli.cli.data_text import cleaned_text
        from vtacli.model.devices import choose_device
        from vtacli.training.data.clean import Limits, score_clips
        from vtacli.training.data.manifest import write_manifest
        from vtacli.training.data.networks import find_networks
        from vtacli.training.data.scores import AV_VERSIONS, Ears, find_listeners

        if version not in (*AV_VERSIONS, "none"):
            raise ConfigError(f"There is no AV-Align {version!r}: {', '.join(AV_VERSIONS)}.")
        if version == "none" and av_align is not None:
            raise ConfigError("--av-align is a threshold of a score that --version leaves out.")
        thresholds = {"imagebind": imagebind, "clap": clap}
        asked, absent = find_networks(
            _names(networks),
            [name for name, least in thresholds.items() if least is not None],
            weights_dir,
            str(choose_device(device)),
        )
        ears = Ears(None if version == "none" else version, *find_listeners(weights_dir), asked)
        if not ears.understands and (words is not None or picture is not None):
            raise ConfigError(
                "--words and --picture need the sound tagger and vta-mini.",
                hint="Install vta with its weights, or name them: --weights-dir.",
            )
        limits = Limits(av_align, words, picture, peak, keep_unknown=not drop_unknown, **thresholds)
        log = scores or (None if output is None else output.with_suffix(".scores.jsonl"))
        found = score_clips(
            listed, ears, limits, log=log, workers=processes(workers), report=shell.report
        )
        if output is not None:
            write_manifest(output, found.kept, overwrite)
        if page is not None:
            from vtacli.training.data.score_page import write_page

            write_page(page, found)
    answer = {
        **found.to_dict(),
        "not_scored": absent,
        "output": None if output is None else str(output),
    }
    console.answer(cleaned_text(found, output, page, absent), answer if as_json else None)
    if found.failures:
        raise PartialError(f"{len(found.failures)} of {len(listed)} clips could not be scored.")


def _names(networks: str | None) -> list[str] | None:
    """What --networks names; None where it is left out."""
    if networks is None or networks.strip() == "none":
        return None if networks is None else []
    return [name.strip() for name in networks.split(",")]
