"""``vta generate``: from a film to a dubbed film."""

from __future__ import annotations

from typing import Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.flags import ASK, MACHINE, seconds
from vtacli.cli.shell import Shell
from vtacli.options import DEFAULT_MODEL, GenerateOptions, MixOptions


def generate(
    context: typer.Context,
    film: flags.Film,
    output: flags.Out = None,
    prompt: flags.Prompt = None,
    negative: flags.Negative = None,
    hits: flags.Hits = None,
    cues: flags.Cues = None,
    reference: flags.References = None,
    reference_strength: flags.ReferenceStrength = None,
    seed: flags.Seed = None,
    takes: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Takes of each scene to choose from; more than one needs a session, and makes it.",
            rich_help_panel=ASK,
        ),
    ] = 1,
    session: Annotated[
        bool,
        typer.Option(
            "--session",
            help="Keep the takes in OUT's name.vta, to redo scenes, pick takes and render again. "
            "One that is there is brought up to date: only what has changed is made.",
            rich_help_panel=ASK,
        ),
    ] = False,
    overwrite: flags.Overwrite = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="As `vta plan`; nothing is written.", rich_help_panel=ASK),
    ] = False,
    guidance: flags.Guidance = None,
    motion_scale: flags.MotionScale = None,
    hits_scale: flags.HitsScale = None,
    draft: flags.Draft = True,
    manners: flags.Manners = "on",
    scenes: flags.Scenes = "auto",
    min_scene: flags.MinScene = 1.0,
    detector: flags.Detector = "adaptive",
    threshold: flags.Threshold = None,
    crossfade: flags.Crossfade = 1.0,
    audio: flags.AudioMode = "auto",
    gain: flags.Gain = 0.0,
    ceiling: flags.Ceiling = -1.0,
    width: flags.Width = 0.0,
    duck: flags.Duck = None,
    duck_attack: flags.DuckAttack = None,
    duck_release: flags.DuckRelease = None,
    dialogue: flags.Dialogue = None,
    loudness: flags.Loudness = "none",
    provenance: flags.Marked = True,
    codec: flags.Codec = "auto",
    model: flags.Model = DEFAULT_MODEL,
    weights_dir: flags.WeightsDir = None,
    quality: flags.Quality = "normal",
    steps: flags.Steps = None,
    sampler: flags.SamplerName = None,
    device: flags.Device = "auto",
    dtype: flags.Dtype = "auto",
    batch_size: Annotated[
        int, typer.Option(metavar="N", help="Windows at once.", rich_help_panel=MACHINE)
    ] = 4,
    cache: flags.Cache = True,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Give a film its sound. The picture and every other stream stay as they are.

    [dim]vta generate street.mp4[/dim]

    [dim]vta generate street.mp4 -o out.mov --prompt "rain on a tin roof" --seed 7[/dim]

    [dim]vta generate street.mp4 --audio add --gain -6 --scenes cuts.csv[/dim]

    [dim]vta generate door.mp4 --prompt "door slam" --hits hits.csv[/dim]

    [dim]vta generate door.mp4 --reference my-door.wav --reference-strength 0.8[/dim]

    [dim]vta generate drums.mp4 --motion-scale 4 --guidance 2[/dim]

    [dim]vta generate talk.mov --duck 9 --loudness ebu-r128[/dim]

    [dim]vta generate street.mp4 --session --cues cues.toml --takes 3[/dim]
    """
    from vtacli.cli.render import plan_text, result_text
    from vtacli.cli.session_text import session_made_text
    from vtacli.dub import dub
    from vtacli.media.door import check_input
    from vtacli.planning import default_output, find_scenes, make_job, make_plan
    from vtacli.session.making import generate as generate_session
    from vtacli.session.making import wants_session
    from vtacli.window_cache.facade import remembered

    shell: Shell = context.obj
    check_input(film)
    options = GenerateOptions(
        prompt=prompt,
        negative=negative,
        hits=hits,
        cues=cues,
        takes=takes,
        model=model,
        seed=seed,
        steps=steps,
        guidance=guidance,
        motion_scale=motion_scale,
        hits_scale=hits_scale,
        draft=draft,
        references=tuple(reference or ()),
        reference_strength=reference_strength,
        manners=flags.on_or_off(manners, "--manners"),
        quality=quality,
        sampler=sampler,
        device=device,
        dtype=dtype,
        batch_size=batch_size,
        crossfade_s=seconds(crossfade, "--crossfade"),
        scenes=flags.scene_options(scenes, min_scene, detector, threshold),
        mix=MixOptions(
            mode=audio,
            gain_db=gain,
            ceiling_dbtp=ceiling,
            codec=codec,
            duck_db=duck,
            duck_attack_ms=duck_attack,
            duck_release_ms=duck_release,
            dialogue=dialogue,
            loudness=loudness,
            width=width,
        ),
        overwrite=overwrite,
        provenance=provenance,
    )
    output = output or default_output(film)
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        handle = shell.find_model(model, device=device, dtype=dtype, weights_dir=weights_dir)
        if dry_run:
            job = make_job(film, output, options, handle.variant, handle.few_steps)
            scenes_found, _ = find_scenes(job, shell.report, with_frames=False)
            plan = make_plan(job, scenes_found, handle)
            console.answer(plan_text(plan), plan.to_dict() if as_json else None)
            return
        with remembered(handle, shell.report, use=cache) as known:
            if session or wants_session(film, options, handle.variant):
                kept = generate_session(film, output, options, known.handle, shell.report)
                said = kept.to_dict()
                text = session_made_text(kept)
            else:
                result = dub(film, output, options, known.handle, shell.report)
                said = result.to_dict()
                text = result_text(result)
        said["windows_cache"] = known.counts.to_dict()
        console.answer(text, said if as_json else None)
