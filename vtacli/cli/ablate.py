"""``vta ablate``: the paper's three tables, for the data at hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.shell import Shell
from vtacli.errors import ConfigError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vtacli.evaluation.ablation import Ablation

TABLE_NAMES = ("encoders", "auxiliaries", "augmentation")


def ablate(
    context: typer.Context,
    recipes: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[RECIPE]...",
            help="Recipes of the vta-ldm family. If left out: the small ones of --tables.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="DIR", help="Where runs and ablation.json go."),
    ] = Path("ablation"),
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH", help="A manifest or a folder of films. If left out: drawn films."
        ),
    ] = None,
    tables: Annotated[
        str, typer.Option(metavar="NAMES", help=f"With commas: {', '.join(TABLE_NAMES)}.")
    ] = ",".join(TABLE_NAMES),
    steps: Annotated[int, typer.Option(metavar="N", help="Training steps of every recipe.")] = 300,
    autoencoder_steps: Annotated[
        int,
        typer.Option(metavar="N", help="Of the autoencoder, where the recipes bring none."),
    ] = 500,
    batch: Annotated[int, typer.Option(metavar="N", help="Samples a step.")] = 4,
    learning_rate: Annotated[float, typer.Option(metavar="X", help="Of every recipe.")] = 1e-3,
    films: Annotated[int, typer.Option(metavar="N", help="Drawn films, without --data.")] = 24,
    clips: Annotated[int, typer.Option(metavar="N", help="Held-out clips to measure on.")] = 32,
    seed: Annotated[int, typer.Option(metavar="N", help="Of everything random.")] = 0,
    tagger: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="YAMNet, if not beside the models: for FAD, KL and IS."),
    ] = None,
    device: flags.Device = "auto",
    markdown: Annotated[bool, typer.Option("--markdown", help="The tables as Markdown.")] = False,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Train recipes at the same small cost and compare them as the paper does: encoders,
    auxiliaries, augmentation.

    Each row is a model folder. Run again, it goes on where it was. The last lines say what such a
    table means and what it does not.

    [dim]vta ablate -o ablation --tables auxiliaries --steps 500[/dim]

    [dim]vta ablate vta-ldm-base vta-ldm-pe --data train.jsonl --steps 20000 --batch 32[/dim]
    """
    if as_json and markdown:
        raise ConfigError("--json and --markdown are two answers.", hint="Leave one out.")
    shell: Shell = context.obj
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        from vtacli.evaluation.ablation import Study
        from vtacli.evaluation.ablation import ablate as work
        from vtacli.evaluation.ablation import markdown as as_markdown
        from vtacli.evaluation.listeners import open_listener
        from vtacli.media.weights import find_tagger

        study = Study(
            out=output,
            recipes=tuple(recipes or ()),
            tables=tuple(t.strip() for t in tables.split(",") if t.strip()),
            data=data,
            films=films,
            steps=steps,
            autoencoder_steps=autoencoder_steps,
            batch=batch,
            learning_rate=learning_rate,
            clips=clips,
            seed=seed,
            device=device,
        )
        folder = tagger or find_tagger(Path())
        listener = None if folder is None else open_listener("yamnet", folder)
        made = work(study, listener, shell.report)
    if markdown:
        console.answer(as_markdown(made))
    else:
        console.answer(tables_text(made), made.to_dict() if as_json else None)


def tables_text(made: Ablation) -> RenderableType:
    """Each table with its marks, then what it means."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vtacli.evaluation.ablation import cell
    from vtacli.evaluation.ablation_score import COLUMNS

    parts: list[RenderableType] = []
    for name, rows in made.tables.items():
        table = Table(title=name, title_justify="left", box=None, header_style="bold")
        table.add_column("recipe", no_wrap=True)
        for head in COLUMNS.values():
            table.add_column(head, justify="right")
        for row in rows:
            table.add_row(row.name, *(cell(row.figures.get(key)) for key in COLUMNS))
        for row in made.marks:
            table.add_row(row.name, *(cell(row.figures.get(k)) for k in COLUMNS), style="dim")
        parts += [table, Text("")]
    return Group(*parts, *(Text(f"· {sentence}") for sentence in made.meaning))
