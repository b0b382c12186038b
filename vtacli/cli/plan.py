"""``vta plan``: what `vta generate` would do. Nothing is written, no weights are read."""

from __future__ import annotations

import typer

from vtacli.cli import flags
from vtacli.cli.flags import seconds
from vtacli.cli.shell import Shell
from vtacli.options import DEFAULT_MODEL, GenerateOptions, MixOptions


def plan(
    context: typer.Context,
    film: flags.Film,
    output: flags.Out = None,
    overwrite: flags.Overwrite = False,
    scenes: flags.Scenes = "auto",
    min_scene: flags.MinScene = 1.0,
    detector: flags.Detector = "adaptive",
    threshold: flags.Threshold = None,
    crossfade: flags.Crossfade = 1.0,
    audio: flags.AudioMode = "auto",
    codec: flags.Codec = "auto",
    model: flags.Model = DEFAULT_MODEL,
    weights_dir: flags.WeightsDir = None,
    device: flags.Device = "auto",
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Show what generate would do: streams kept and lost, scenes, windows, time and memory.

    [dim]vta plan street.mp4[/dim]

    [dim]vta plan street.mp4 -o street.mov --min-scene 0.5 --json[/dim]
    """
    from vtacli.cli.render import plan_text
    from vtacli.media.door import check_input
    from vtacli.planning import default_output, find_scenes, make_job, make_plan

    shell: Shell = context.obj
    check_input(film)
    options = GenerateOptions(
        model=model,
        device=device,
        crossfade_s=seconds(crossfade, "--crossfade"),
        scenes=flags.scene_options(scenes, min_scene, detector, threshold),
        mix=MixOptions(mode=audio, codec=codec),
        overwrite=overwrite,
    )
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        handle = shell.find_model(model, device=device, weights_dir=weights_dir)
        job = make_job(film, output or default_output(film), options, handle.variant)
        scenes_found, _ = find_scenes(job, shell.report, with_frames=False)
        made = make_plan(job, scenes_found, handle)
    console.answer(plan_text(made), made.to_dict() if as_json else None)
