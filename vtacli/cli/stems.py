"""``vta stems``: several sounds for one film, or for none, as files for a timeline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.flags import ASK, MACHINE, SOUND, among, seconds
from vtacli.cli.shell import Shell
from vtacli.cli.timecodes import TcStart
from vtacli.errors import ConfigError
from vtacli.options import DEFAULT_MODEL, RATE_HZ, GenerateOptions, MixOptions

FILES = "Files"
FORMATS, LAYOUTS, BITS = (
    ("wav", "flac", "mp3", "m4a", "ogg", "opus"),
    ("poly", "mono"),
    ("16", "24", "32f"),
)


def stems(
    context: typer.Context,
    film: Annotated[
        Path | None,
        typer.Argument(metavar="IN", help="The film, if there is one.", show_default=False),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="DIR",
            help="The folder for the files. If left out: IN.stems, or stems without a film.",
            rich_help_panel=ASK,
        ),
    ] = None,
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt",
            metavar="TEXT",
            help="A stem of this; give it once for each stem. Without any, the picture is guessed "
            "at, and what is struck comes apart from what goes on.",
            rich_help_panel=ASK,
        ),
    ] = None,
    length: Annotated[
        float | None,
        typer.Option(
            "--seconds", metavar="S", help="How long, without a film.", rich_help_panel=ASK
        ),
    ] = None,
    negative: flags.Negative = None,
    hits: flags.Hits = None,
    cues: flags.Cues = None,
    reference: flags.References = None,
    reference_strength: flags.ReferenceStrength = None,
    seed: flags.Seed = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace files of the same names.", rich_help_panel=ASK),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Say what would be made; write nothing.", rich_help_panel=ASK
        ),
    ] = False,
    per_scene: Annotated[
        bool,
        typer.Option(
            "--per-scene", help="A file for each scene, with handles.", rich_help_panel=FILES
        ),
    ] = False,
    handles: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Silence before and after each scene, up to the film's ends. If left out: 1.",
            rich_help_panel=FILES,
        ),
    ] = None,
    name: Annotated[
        str,
        typer.Option(
            metavar="plain|netflix|ucs|TEMPLATE",
            help="How files are called.",
            rich_help_panel=FILES,
        ),
    ] = "plain",
    format_: Annotated[
        str,
        typer.Option("--format", **among(*FORMATS), help="Of the files.", rich_help_panel=FILES),
    ] = "wav",
    bits: Annotated[
        str | None,
        typer.Option(
            **among(*BITS), help="Of wav and flac. If left out: 24.", rich_help_panel=FILES
        ),
    ] = None,
    rate: Annotated[
        int, typer.Option(metavar="HZ", help="Samples a second.", rich_help_panel=FILES)
    ] = RATE_HZ,
    layout: Annotated[
        str,
        typer.Option(
            **among(*LAYOUTS),
            help="All channels in one file, or a file for each.",
            rich_help_panel=FILES,
        ),
    ] = "poly",
    take: Annotated[
        int,
        typer.Option(metavar="N", help="Number of the take, for names.", rich_help_panel=FILES),
    ] = 1,
    tc_start: TcStart = None,
    provenance: Annotated[
        bool,
        typer.Option(
            "--provenance/--no-provenance",
            help="Say in the files that the sound is generated, by what, and from what.",
            rich_help_panel=FILES,
        ),
    ] = True,
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
    gain: Annotated[
        float, typer.Option(metavar="DB", help="Of all stems alike.", rich_help_panel=SOUND)
    ] = 0.0,
    ceiling: Annotated[
        float,
        typer.Option(
            metavar="DBTP",
            help="True peak of every stem and of their sum.",
            rich_help_panel=SOUND,
        ),
    ] = -1.0,
    width: Annotated[
        float,
        typer.Option(
            metavar="0..1",
            help="Stereo of this width, which leaves the mono sum as it is. At 0: mono.",
            rich_help_panel=SOUND,
        ),
    ] = 0.0,
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
    """Make stems: a file for each sound, as long as the picture, and their sum.

    All stems are timed by the same picture and share one gain, so that float stems (and those of
    24 bits) add up to the mix sample by sample. WAV files are Broadcast Waves with the film's
    timecode. A stem stays the same when others are added, left out or put in another order.

    [dim]vta stems street.mov --prompt rain --prompt "footsteps on gravel" -o stems[/dim]

    [dim]vta stems street.mov[/dim]  what the picture suggests: hits apart from beds

    [dim]vta stems street.mov --prompt rain --per-scene --handles 2 --bits 32f[/dim]

    [dim]vta stems street.mov --cues cues.toml[/dim]  a stem of each prompt in the cue sheet

    [dim]vta stems --prompt "rain on a tin roof" --seconds 30 -o rain[/dim]  no film at all
    """
    from vtacli.cli.stem_text import plan_text, set_text
    from vtacli.media.door import check_input
    from vtacli.media.stem_files import StemFormat
    from vtacli.stems.making import make_stems, plan_stems
    from vtacli.stems.options import StemOptions
    from vtacli.window_cache.facade import remembered

    shell: Shell = context.obj
    if film is not None:
        check_input(film)
    form = StemFormat(format_, bits or "24", rate, layout)
    if bits is not None and form.lossy:
        raise ConfigError(f"--bits says nothing of {format_}.", hint="Leave it out.")
    options = StemOptions(
        prompts=tuple(prompt or ()),
        seconds=None if length is None else seconds(length, "--seconds"),
        per_scene=per_scene,
        handles_s=None if handles is None else seconds(handles, "--handles"),
        name=name,
        form=form,
        take=take,
        tc_start=tc_start,
        generate=GenerateOptions(
            negative=negative,
            hits=hits,
            cues=cues,
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
            mix=MixOptions(gain_db=gain, ceiling_dbtp=ceiling, width=width),
            overwrite=overwrite,
            provenance=provenance,
        ),
    )
    folder = output or (film.with_name(f"{film.stem}.stems") if film else Path("stems"))
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        handle = shell.find_model(model, device=device, dtype=dtype, weights_dir=weights_dir)
        if dry_run:
            plan = plan_stems(film, folder, options, handle, shell.report)
        else:
            with remembered(handle, shell.report, use=cache) as known:
                made = make_stems(film, folder, options, known.handle, shell.report)
    if dry_run:
        console.answer(plan_text(plan), plan.to_dict() if as_json else None)
    else:
        said = made.to_dict() | {"windows_cache": known.counts.to_dict()} if as_json else None
        console.answer(set_text(made), said)
