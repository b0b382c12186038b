"""``vta plan``: what `vta generate` would do. Nothing is written but a cue sheet that is asked for,
and no weights are read unless it is asked what the picture looks like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.flags import ASK, seconds
from vtacli.cli.shell import Shell
from vtacli.options import DEFAULT_MODEL, GenerateOptions, MixOptions

if TYPE_CHECKING:
    from vtacli.model.guess import Guess


def plan(
    context: typer.Context,
    film: flags.Film,
    output: flags.Out = None,
    prompt: flags.Prompt = None,
    negative: flags.Negative = None,
    hits: flags.Hits = None,
    cues: flags.Cues = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write a cue sheet to fill in and give to --cues: a .toml for people, a .csv for "
            "spreadsheets, a .json for programs.",
            rich_help_panel=ASK,
        ),
    ] = None,
    tc_start: Annotated[
        str | None,
        typer.Option(
            "--tc-start",
            metavar="HH:MM:SS:FF",
            help="With --save: the label of the first picture, from which the sheet's timecodes "
            "count. If left out: 00:00:00:00.",
            rich_help_panel=ASK,
        ),
    ] = None,
    reference: flags.References = None,
    seed: flags.Seed = None,
    guess: Annotated[
        bool,
        typer.Option(
            "--guess",
            help="Say what each scene looks and so would sound like. Reads the model: seconds.",
            rich_help_panel=ASK,
        ),
    ] = False,
    overwrite: flags.Overwrite = False,
    scenes: flags.Scenes = "auto",
    min_scene: flags.MinScene = 1.0,
    detector: flags.Detector = "adaptive",
    threshold: flags.Threshold = None,
    crossfade: flags.Crossfade = 1.0,
    audio: flags.AudioMode = "auto",
    codec: flags.Codec = "auto",
    duck: flags.Duck = None,
    dialogue: flags.Dialogue = None,
    loudness: flags.Loudness = "none",
    model: flags.Model = DEFAULT_MODEL,
    weights_dir: flags.WeightsDir = None,
    quality: flags.Quality = "normal",
    steps: flags.Steps = None,
    manners: flags.Manners = "on",
    device: flags.Device = "auto",
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Show what generate would do: streams kept and lost, scenes, hits, windows, time and memory.

    Without a prompt the sound is guessed from the picture. --guess shows that guess, so that a
    wrong one can be answered with --prompt before anything is made. --save writes all of it as a
    cue sheet: a row for each scene, to say of each what is to be heard.

    [dim]vta plan street.mp4[/dim]

    [dim]vta plan street.mp4 --guess[/dim]

    [dim]vta plan street.mp4 --guess --save cues.toml[/dim]  then edit it, and: vta generate --cues

    [dim]vta plan street.mp4 -o street.mov --min-scene 0.5 --json[/dim]
    """
    from vtacli.cli.cues import check_save, save_cues
    from vtacli.cli.render import plan_text
    from vtacli.media.door import check_input
    from vtacli.planning import (
        default_output,
        find_guesser,
        find_scenes,
        guess_scenes,
        make_job,
        make_plan,
    )

    shell: Shell = context.obj
    check_input(film)
    options = GenerateOptions(
        prompt=prompt,
        negative=negative,
        hits=hits,
        cues=cues,
        references=tuple(reference or ()),
        seed=seed,
        quality=quality,
        steps=steps,
        manners=flags.on_or_off(manners, "--manners"),
        model=model,
        device=device,
        crossfade_s=seconds(crossfade, "--crossfade"),
        scenes=flags.scene_options(scenes, min_scene, detector, threshold),
        mix=MixOptions(mode=audio, codec=codec, duck_db=duck, dialogue=dialogue, loudness=loudness),
        # a sheet is asked for, not a film: one that is there already does not stand in its way
        overwrite=overwrite or (save is not None and output is None),
    )
    check_save(save, tc_start, film, overwrite)
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        handle = shell.find_model(model, device=device, weights_dir=weights_dir)
        output = output or default_output(film)
        job = make_job(film, output, options, handle.variant, handle.few_steps)
        load_guesser = find_guesser(handle) if guess else None
        scenes_found, analysis = find_scenes(job, shell.report, with_frames=guess)
        guesses: tuple[Guess, ...] = ()
        if load_guesser is not None and analysis is not None and analysis.frames is not None:
            with analysis.frames as frames:
                guesses = guess_scenes(job, scenes_found, frames, load_guesser(), shell.report)
        made = make_plan(job, scenes_found, handle, guesses)
        if save is not None:
            save_cues(save, made, tc_start, overwrite, shell.report)
    console.answer(plan_text(made), made.to_dict() if as_json else None)
