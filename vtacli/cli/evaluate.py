"""``vta evaluate``: hold a model to what it is meant to do."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.evaluate_asked import Asked
from vtacli.cli.flags import MACHINE, TALK
from vtacli.cli.shell import Shell
from vtacli.errors import CheckFailed, ConfigError, WeightsMissing
from vtacli.options import DEFAULT_MODEL

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vtacli.evaluation.suite import Scores

WHAT = "What to measure"
FILMS, PEOPLE = "A folder of films", "People who listen"
SUITE_NAMES = ("mini",)
LISTENER_NAMES = ("yamnet", "vggish", "panns", "passt", "clap")
QUESTION_NAMES = ("pairs", "mos", "both")
SECTION_NAMES = ("hits", "words", "distance", "parts", "speed", "silence", "likeness", "clips")


def evaluate(
    context: typer.Context,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FILMS",
            help="A folder of films with their true sound, to measure what was made for them.",
            show_default=False,
        ),
    ] = None,
    generated: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="What was made for FILMS, by the films' names; films or sound files. If left "
            "out, the model makes it now. With --listen it may be given again.",
            rich_help_panel=FILMS,
        ),
    ] = None,
    listener: Annotated[
        str,
        typer.Option(
            **flags.among(*LISTENER_NAMES),
            help="Whose embeddings and classes FAD, KID, IS and KL are of.",
            rich_help_panel=FILMS,
        ),
    ] = "yamnet",
    hits: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Known moments: FILM.csv or FILM.txt, a time a line.",
            rich_help_panel=FILMS,
        ),
    ] = None,
    captions: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="CSV with the columns film, caption.", rich_help_panel=FILMS
        ),
    ] = None,
    tell: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help="What the model is told beside the picture: captions, hits.",
            rich_help_panel=FILMS,
        ),
    ] = None,
    seconds: Annotated[
        float,
        typer.Option(metavar="S", help="Of each film, from its start.", rich_help_panel=FILMS),
    ] = 10.0,
    tolerance: Annotated[
        float,
        typer.Option(
            metavar="S", help="How far an onset may be from a hit.", rich_help_panel=FILMS
        ),
    ] = 0.08,
    flow_side: Annotated[
        int,
        typer.Option(
            metavar="PX",
            help="AV-Align's flow is taken of pictures whose shorter side is this at most; "
            "0: as they are, -1: no flow.",
            rich_help_panel=FILMS,
        ),
    ] = 360,
    desync: Annotated[
        bool | None,
        typer.Option(
            "--desync/--no-desync",
            help="How far sound is off the picture, as Synchformer hears it. If left out: where "
            "its weights are on a shelf, in a folder synchformer.",
            rich_help_panel=FILMS,
        ),
    ] = None,
    listen: Annotated[
        bool,
        typer.Option(
            "--listen",
            help="Make a blind test of FILMS and --generated: a page for people.",
            rich_help_panel=PEOPLE,
        ),
    ] = False,
    questions: Annotated[
        str,
        typer.Option(**flags.among(*QUESTION_NAMES), help="What is asked.", rich_help_panel=PEOPLE),
    ] = "both",
    answers: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="What people saved from the page: print means and preferences. May be given "
            "again. -o is the test's folder.",
            rich_help_panel=PEOPLE,
        ),
    ] = None,
    suite: Annotated[
        str, typer.Option(**flags.among(*SUITE_NAMES), help="The table.", rich_help_panel=WHAT)
    ] = "mini",
    sounds: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Recordings with manifest.csv, as given to train; only those that it held out "
            "are compared with. May be given again.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    clips: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Films to dub and show.", rich_help_panel=WHAT),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES",
            help=f"Some sections, with commas: {', '.join(SECTION_NAMES)}.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="A look: few films, prompts and seeds; wide intervals.",
            rich_help_panel=WHAT,
        ),
    ] = False,
    seeds: Annotated[
        int | None,
        typer.Option(metavar="N", help="Sounds a prompt, half with hits.", rich_help_panel=WHAT),
    ] = None,
    films: Annotated[
        int | None, typer.Option(metavar="N", help="Rendered films.", rich_help_panel=WHAT)
    ] = None,
    prompts: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Other prompts: CSV with prompt, classes, label_pattern, named.",
            rich_help_panel=WHAT,
        ),
    ] = None,
    seed: Annotated[
        int, typer.Option(metavar="N", help="Of everything random.", rich_help_panel=WHAT)
    ] = 0,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="Where scores.json, index.html and what they show go.",
            rich_help_panel=TALK,
        ),
    ] = Path("evaluation"),
    model: flags.Model = DEFAULT_MODEL,
    weights_dir: flags.WeightsDir = None,
    tagger: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="YAMNet, if not beside the models.", rich_help_panel=MACHINE
        ),
    ] = None,
    device: flags.Device = "auto",
    markdown: Annotated[
        bool, typer.Option("--markdown", help="The table as Markdown.", rich_help_panel=TALK)
    ] = False,
    as_csv: Annotated[
        bool,
        typer.Option("--csv", help="The table as CSV (films, answers).", rich_help_panel=TALK),
    ] = False,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Measure a model beside what it is held to, with 95 % intervals, and make a page of it.

    Hits against rendered films whose strikes are known; words as an independent tagger hears
    them; codec, vocoder, speed, silence, and how much of the bank is heard again. The folder
    gets scores.json and index.html, with everything to look at and listen to.

    A run that was stopped goes on where it was: the same command again. What was measured is
    kept for as long as neither the model nor the settings change. Exit code 10: a floor is not
    kept.

    [dim]vta evaluate --sounds recordings -o evaluation --quick[/dim]

    [dim]vta evaluate --sounds recordings --clips films --only hits,words --markdown[/dim]

    With a folder of FILMS: the field's measures of what was made for them against their true
    sound: FAD, KID, IS, KL, AV-Align in its three versions, DeSync, onset F1, levels; each with
    an interval, what true sound gets, and what sound of the wrong films gets. Where ImageBind's
    weights (CC-BY-NC-SA-4.0: not for commerce) lie in a folder imagebind beside the models: the
    IB-score.

    [dim]vta evaluate films --generated dubbed -o evaluation[/dim]

    [dim]vta evaluate films --model vta-mini --captions captions.csv --tell captions[/dim]

    People listen: a page without names, and what they answered, read again.

    [dim]vta evaluate films --generated ours --generated theirs --listen -o test[/dim]

    [dim]vta evaluate --answers anna.json --answers ben.csv -o test[/dim]
    """
    forms = [f for f, on in (("json", as_json), ("markdown", markdown), ("csv", as_csv)) if on]
    if len(forms) > 1:
        named = f"--{forms[0]} and --{forms[1]}"
        raise ConfigError(f"{named} are two answers.", hint="Leave one out.")
    if answers or folder is not None:
        from vtacli.cli.evaluate_films import films_or_people

        return films_or_people(
            context.obj,
            asked=Asked(
                films=folder,
                generated=tuple(generated or ()),
                listener=listener,
                hits=hits,
                captions=captions,
                tell=tell,
                seconds=seconds,
                tolerance_s=tolerance,
                flow_side_px=flow_side,
                listen=listen,
                questions=questions,
                answers=tuple(answers or ()),
                seed=seed,
                output=output,
                model=model,
                weights_dir=weights_dir,
                tagger=tagger,
                device=device,
                form="".join(forms),
                desync=desync,
            ),
            progress=progress,
            quiet=quiet,
            verbose=verbose,
        )
    for flag, given in (
        ("--generated", generated), ("--hits", hits), ("--captions", captions), ("--tell", tell),
        ("--listen", listen), ("--csv", as_csv), ("--desync", desync is not None),
    ):  # fmt: skip
        if given:
            raise ConfigError(f"{flag} is of a folder of films.", hint="Name the folder first.")
    if suite not in SUITE_NAMES:
        raise ConfigError(f"There is no suite {suite!r}.", hint=f"It is {SUITE_NAMES[0]}.")
    for flag, value, least in (("--seeds", seeds, 1), ("--films", films, 0), ("--seed", seed, 0)):
        if value is not None and value < least:
            raise ConfigError(f"{flag} must be {least} or more, not {value}.")
    shell: Shell = context.obj
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        from vtacli.evaluation.folder import find_clips
        from vtacli.evaluation.sections import check_variant, chosen_sections
        from vtacli.media.weights import find_tagger

        # what can be refused cheaply comes before torch is imported
        sections = chosen_sections(only)
        films_to_dub = find_clips(clips) if clips else ()
        handle = shell.find_model(model, device=device, weights_dir=weights_dir)
        check_variant(handle.variant)
        tagger_folder = tagger or find_tagger(handle.folder or Path(), weights_dir)
        if tagger_folder is None:
            raise WeightsMissing("The sound tagger is not installed.", hint="Name it: --tagger.")

        from vtacli.evaluation.figures import markdown as as_markdown
        from vtacli.evaluation.judge import Judge
        from vtacli.evaluation.prompts import SHIPPED, read_prompts
        from vtacli.evaluation.recordings import open_catalogue
        from vtacli.evaluation.study import QUICK, SUITES, Study
        from vtacli.evaluation.suite import evaluate as work

        size = replace(QUICK if quick else SUITES[suite], seed=seed)
        if seeds is not None:
            size = replace(size, seeds=seeds, named_seeds=max(seeds, size.named_seeds))
        if films is not None:
            size = replace(size, films=films)
        study = Study(
            suite=size,
            handle=handle,
            judge=Judge(tagger_folder),
            prompts=read_prompts(prompts or SHIPPED),
            out=output,
            report=shell.report,
            catalogue=open_catalogue(sounds) if sounds else None,
            clips=films_to_dub,
        )
        scores = work(study, sections)
    if markdown:
        console.answer(as_markdown(scores.figures))
    else:
        answer = {**scores.to_dict(whole=False), "output": str(output)} if as_json else None
        console.answer(scores_text(scores, output), answer)
    short = scores.falling_short
    if short:
        names = "; ".join(f"{f.title} {f.value_text}, {f.mark_text(f.floor)}" for f in short)
        raise CheckFailed(f"{len(short)} of its floors are not kept: {names}.")


def scores_text(scores: Scores, output: Path) -> RenderableType:
    """The table, and where the rest is."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vtacli.errors import printable
    from vtacli.evaluation.figures import COLUMNS, rows

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(COLUMNS):
        right = 1 <= number <= 4
        table.add_column(column, justify="right" if right else "left", no_wrap=number < 6)
    styles = {True: "green", False: "bold red", None: "dim"}
    for figure, cells in zip(scores.figures, rows(scores.figures), strict=True):
        table.add_row(*(Text(c) for c in cells), style=styles[figure.holds])
    seconds = sum(scores.about["seconds"].values())
    page = printable(output / "index.html")
    return Group(table, Text(f"\n{page} shows it; this run took {seconds:.0f} s"))
