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

LDM, MINI = "Recipes of the vta-ldm family", "Recipes of vta-mini"


def train(
    context: typer.Context,
    recipe: Annotated[
        Path, typer.Argument(metavar="RECIPE", help="A recipe's name or file.", show_default=False)
    ],
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="The folder of the model. If left out: runs/RECIPE."),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Clips prepared by vta data prepare, or a manifest or a folder of films, which "
            "are prepared on the way.",
            rich_help_panel=LDM,
        ),
    ] = None,
    validation: Annotated[
        Path | None,
        typer.Option(
            metavar="PATH",
            help="Clips to validate on. If left out: some sources of --data are held out.",
            rich_help_panel=LDM,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(metavar="MODEL", help="A finished model to go on from.", rich_help_panel=LDM),
    ] = None,
    encoder_weights: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The encoder's published file.", rich_help_panel=LDM),
    ] = None,
    text_weights: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="CLIP's folder, for its text tower.", rich_help_panel=LDM),
    ] = None,
    sounds: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="DIR",
            help="Recordings, with manifest.csv; may be given again for more.",
            rich_help_panel=MINI,
        ),
    ] = None,
    exact: Annotated[
        bool,
        typer.Option(
            "--exact",
            help="Refuse recordings that are not, byte for byte, the known ones.",
            rich_help_panel=MINI,
        ),
    ] = False,
    parts: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Where text/ and picture/ are, if not in vta-mini.",
            rich_help_panel=MINI,
        ),
    ] = None,
    stage: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME", help="Only this stage; may be given again.", rich_help_panel=MINI
        ),
    ] = None,
    steps_share: Annotated[
        float,
        typer.Option(
            metavar="SHARE",
            help="Only this share of every stage's steps and windows: a rehearsal of the whole.",
            rich_help_panel=MINI,
        ),
    ] = 1.0,
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

    Recipes of the vta-ldm family (the published variants, lora, and smoke-… at toy widths) learn
    from films and their sound; vta-mini and smoke from recordings. On several GPUs or machines,
    put accelerate launch -m vtacli in the place of vta.

    [dim]vta train smoke-base --out try[/dim]

    [dim]vta train vta-ldm-base --data prepared --out runs/base[/dim]

    [dim]accelerate launch --num_processes 8 -m vtacli train vta-ldm-base --data prepared[/dim]

    [dim]vta train lora --start vta-ldm-base --data my-films --out mine[/dim]

    [dim]vta train vta-mini --sounds recordings --out weights/mine --minutes 60[/dim]

    [dim]vta train vta-mini --sounds recordings --sounds renders --out mine[/dim]

    [dim]vta train vta-mini --sounds recordings --out rehearsal --steps-share 0.1[/dim]
    """
    if minutes is not None and not minutes > 0:
        raise ConfigError(f"--minutes must be above 0, not {minutes}.")
    if not 0 < steps_share <= 1:
        raise ConfigError(f"--steps-share must be above 0 and at most 1, not {steps_share}.")
    shell: Shell = context.obj
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        from vtacli.training.ldm.find import find_recipe
        from vtacli.training.ldm.recipe import is_ldm

        recipe = find_recipe(recipe)
        family = {
            "--data": data,
            "--validation": validation,
            "--start": start,
            "--encoder-weights": encoder_weights,
            "--text-weights": text_weights,
        }
        ours = {
            "--sounds": sounds,
            "--exact": exact,
            "--parts": parts,
            "--stage": stage,
            "--steps-share": steps_share != 1,
        }
        if is_ldm(recipe):
            _none_of(ours, recipe, "learns from films: give them with --data")
            from vtacli.training.ldm.run import Asked, run_recipe

            facts = run_recipe(
                recipe,
                Asked(
                    out=out or Path("runs") / recipe.stem,
                    data=data,
                    validation=validation,
                    device=device,
                    minutes=minutes,
                    resume=resume,
                ),
                start=start,
                encoder_weights=encoder_weights,
                text_weights=text_weights,
                report=shell.report,
            )
            if facts is not None:
                console.answer(ldm_text(facts), facts if as_json else None)
            return
        _none_of(family, recipe, "learns from recordings: give them with --sounds")
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
            steps_share=steps_share,
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


def _none_of(flags_given: dict[str, Any], recipe: Path, instead: str) -> None:
    """Raise ConfigError for the first flag that was given and says nothing to this recipe."""
    for flag, value in flags_given.items():
        if value:
            raise ConfigError(f"{flag} says nothing to this recipe; it {instead}.", path=recipe)


def ldm_text(facts: dict[str, Any]) -> str:
    """What a run of the family made and cost, and where to look."""
    done = "" if facts["finished"] else f" of {facts['recipe']['optimizer']['steps']}: unfinished"
    losses = ", ".join(
        f"{name} {facts[key]:.4f}"
        for name, key in (("loss", "loss"), ("validation", "validation"))
        if key in facts
    )
    return "\n".join(
        (
            f"{facts['name']}: step {facts['step']}{done}, "
            f"{facts['seconds'] / 60:.1f} min, {losses}",
            f"{facts['trainable_parameters']:,} of {facts['parameters']:,} parameters trained on "
            f"{facts['clips']} clips, {facts['held_out_clips']} held out",
            f"{facts['folder']} is a model: vta generate FILM --model {facts['folder']}",
        )
    )


def facts_text(facts: dict[str, Any]) -> str:
    """A line for each stage: steps, minutes and scores."""
    lines = []
    for stage, row in facts.get("stages", {}).items():
        cost = f"{row['steps']} steps, {row['seconds'] / 60:.1f} min" if "steps" in row else ""
        state = "" if row.get("finished", True) else "unfinished"
        scores = ", ".join(f"{k} {v:.4g}" for k, v in row["scores"].items())
        lines.append(f"{stage:<10} " + "; ".join(filter(None, (cost, state, scores))))
    return "\n".join(lines)
