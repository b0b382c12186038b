"""``vta train``: make a model from a recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vtacli.cli import flags
from vtacli.cli.shell import Shell
from vtacli.errors import ConfigError
from vtacli.progress import Note, Report

if TYPE_CHECKING:
    from vtacli.training.provenance import Check


def train(
    context: typer.Context,
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="A recipe's name or file.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder of the model. If left out: runs/RECIPE."),
    ] = None,
    sounds: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR", help="Recordings, with manifest.csv; may be given again for more."
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact", help="Refuse recordings that are not, byte for byte, the known ones."
        ),
    ] = False,
    parts: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where text/ and picture/ are, if not in vta-mini."),
    ] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="Only this stage; may be given again."),
    ] = None,
    minutes: Annotated[
        float | None, typer.Option(metavar="N", help="Stop a stage after so many minutes.")
    ] = None,
    device: flags.Device = "auto",
    resume: Annotated[
        bool, typer.Option("--resume/--no-resume", help="Go on from what OUT has, or begin again.")
    ] = True,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Train a model by a recipe. Stop at any time; the next run goes on.

    [dim]vta train smoke --sounds recordings --out mine[/dim]

    [dim]vta train vta-mini --sounds recordings --out weights/mine --minutes 60[/dim]

    [dim]vta train vta-mini --sounds recordings --sounds renders --out mine[/dim]
    """
    if minutes is not None and not minutes > 0:
        raise ConfigError(f"--minutes must be above 0, not {minutes}.")
    shell: Shell = context.obj
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        from vtacli.training.provenance import check
        from vtacli.training.run import train as work

        if sounds:
            _tell(check(sounds), exact, shell.report)
        facts = work(
            recipe,
            sounds=sounds,
            out=out,
            parts=parts,
            minutes=minutes,
            device=device,
            resume=resume,
            stages=stage,
            report=shell.report,
        )
    console.answer(facts_text(facts), facts if as_json else None)


def _tell(found: Check, exact: bool, report: Report) -> None:
    """Warn where recordings are not the known ones; raise ConfigError if they have to be."""
    if exact and not found.exact:
        raise ConfigError(
            found.sentence() or "none of the recordings is a known one",
            hint="Known ones are in vtacli/training/sounds.csv. Without --exact any will do.",
        )
    if sentence := found.sentence():
        report(Note(sentence, "warning"))


def facts_text(facts: dict[str, Any]) -> str:
    """A line for each stage: steps, minutes and scores."""
    lines = []
    for stage, row in facts.get("stages", {}).items():
        cost = f"{row['steps']} steps, {row['seconds'] / 60:.1f} min" if "steps" in row else ""
        state = "" if row.get("finished", True) else "unfinished"
        scores = ", ".join(f"{k} {v:.4g}" for k, v in row["scores"].items())
        lines.append(f"{stage:<10} " + "; ".join(filter(None, (cost, state, scores))))
    return "\n".join(lines)
