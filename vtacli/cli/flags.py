"""The flags that several commands share, each written once: name, unit, default and help."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Annotated, Any

import typer

from vtacli.cli.console import PROGRESS
from vtacli.errors import ConfigError
from vtacli.model.samplers import SAMPLERS
from vtacli.options import (
    AUDIO_MODES,
    CODECS,
    DETECTORS,
    DEVICES,
    DTYPES,
    DUCK_ATTACK_MS,
    DUCK_RELEASE_MS,
    PROGRAMMES,
    QUALITIES,
    REFERENCE_STRENGTH,
    SceneOptions,
)

ASK, FOLLOW, TIME = "What to make", "What to follow", "Scenes"
SOUND, MACHINE, TALK = "Sound", "Machine", "Output"


def _chosen_model(context: typer.Context, parameter: typer.CallbackParam, value: str) -> str:
    """The person's own default (``vta models default``) where no model was named."""
    source = context.get_parameter_source(parameter.name or "")
    if source is None or source.name != "DEFAULT":
        return value
    from vtacli.store.default import default_model

    return default_model()


def _model_names(incomplete: str) -> list[str]:
    from vtacli.store.inventory import names_installed

    return names_installed(incomplete)


def among(*known: str) -> dict[str, Any]:
    """Metavar and shell completion of a closed list; the list itself is checked by the options."""
    return {"metavar": "|".join(known), "autocompletion": lambda: list(known)}


Film = Annotated[Path, typer.Argument(metavar="IN", help="The film.", show_default=False)]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--output",
        metavar="OUT",
        help="The dubbed film: mp4, mov, mkv, mxf or webm. If left out: IN.dubbed.mp4.",
        rich_help_panel=ASK,
    ),
]
Model = Annotated[
    str,
    typer.Option(
        metavar="NAME",
        help="A model's name or folder: see `vta models list`.",
        rich_help_panel=MACHINE,
        callback=_chosen_model,
        autocompletion=_model_names,
    ),
]
WeightsDir = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Look for models here first.", rich_help_panel=MACHINE),
]
Device = Annotated[
    str, typer.Option(**among(*DEVICES), help="Where to run.", rich_help_panel=MACHINE)
]
Dtype = Annotated[
    str, typer.Option(**among(*DTYPES), help="Number format.", rich_help_panel=MACHINE)
]
Scenes = Annotated[
    str,
    typer.Option(
        metavar="auto|off|FILE",
        help="Found cuts, one scene, or a list.",
        rich_help_panel=TIME,
        autocompletion=lambda: ["auto", "off"],
    ),
]
MinScene = Annotated[
    float, typer.Option(metavar="S", help="Shortest scene, seconds.", rich_help_panel=TIME)
]
Detector = Annotated[
    str, typer.Option(**among(*DETECTORS), help="How cuts are found.", rich_help_panel=TIME)
]
Threshold = Annotated[
    float | None,
    typer.Option(metavar="X", help="The detector's threshold.", rich_help_panel=TIME),
]
Crossfade = Annotated[
    float,
    typer.Option(metavar="S", help="Between windows of one scene, seconds.", rich_help_panel=TIME),
]
AudioMode = Annotated[
    str,
    typer.Option(
        "--audio",
        **among(*AUDIO_MODES),
        help="Mix with the film's sound, replace it, or add a track beside it.",
        rich_help_panel=SOUND,
    ),
]
Codec = Annotated[
    str,
    typer.Option(
        **among(*CODECS), help="Of the new track; auto suits the container.", rich_help_panel=SOUND
    ),
]
Gain = Annotated[
    float, typer.Option(metavar="DB", help="Of what is generated.", rich_help_panel=SOUND)
]
Ceiling = Annotated[float, typer.Option(metavar="DBTP", help="True peak.", rich_help_panel=SOUND)]
Width = Annotated[
    float,
    typer.Option(
        metavar="0..1",
        help="Width of mono sound in stereo; the mono sum stays. 0: centred.",
        rich_help_panel=SOUND,
    ),
]
Loudness = Annotated[
    str,
    typer.Option(
        metavar="none|SPEC|LUFS",
        help=f"Bring the finished mix to {', '.join(PROGRAMMES)} or LUFS such as -16. "
        "One constant gain, then a true-peak limiter.",
        rich_help_panel=SOUND,
        autocompletion=lambda: ["none", *PROGRAMMES],
    ),
]
Duck = Annotated[
    float | None,
    typer.Option(
        "--duck",
        metavar="DB",
        help="Lower the foley by so much while somebody speaks in the film's own sound.",
        rich_help_panel=SOUND,
    ),
]
DuckAttack = Annotated[
    float | None,
    typer.Option(
        metavar="MS",
        help=f"How long before speech it begins to fall. If left out: {DUCK_ATTACK_MS:g}.",
        rich_help_panel=SOUND,
    ),
]
DuckRelease = Annotated[
    float | None,
    typer.Option(
        metavar="MS",
        help=f"How long after speech it takes to come back. If left out: {DUCK_RELEASE_MS:g}.",
        rich_help_panel=SOUND,
    ),
]
Dialogue = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="The stream in which speech is looked for. If left out: the one whose title says "
        "dialogue, or the one that is mixed with.",
        rich_help_panel=SOUND,
    ),
]
Marked = Annotated[
    bool,
    typer.Option(
        "--provenance/--no-provenance",
        help="Say in the metadata that the sound was generated, and how.",
        rich_help_panel=SOUND,
    ),
]
Hits = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Moments that must be heard: a line each, time or time,strength; or Audacity labels.",
        rich_help_panel=ASK,
    ),
]
Cues = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="A cue sheet: times, words, seed, takes, gain and hits of each scene. "
        "`vta plan IN --save cues.toml` writes one.",
        rich_help_panel=ASK,
    ),
]
Cache = Annotated[
    bool,
    typer.Option(
        "--cache/--no-cache",
        help="Take windows that were made before, where nothing has changed, from `vta cache`.",
        rich_help_panel=MACHINE,
    ),
]
Prompt = Annotated[
    str | None,
    typer.Option(
        metavar="TEXT",
        help="What is to be heard. Without it the picture is guessed at: see `vta plan --guess`.",
        rich_help_panel=ASK,
    ),
]
Negative = Annotated[
    str | None, typer.Option(metavar="TEXT", help="What is not.", rich_help_panel=ASK)
]
Seed = Annotated[
    int | None,
    typer.Option(metavar="N", help="The same seed, the same sound.", rich_help_panel=ASK),
]
References = Annotated[
    list[Path] | None,
    typer.Option(
        "--reference",
        metavar="FILE",
        help="A sound of your own to work from (any sound file or film): a hit, laid at every "
        "stroke; a passage, blow by blow; or a bed, laid beneath. Several take turns.",
        rich_help_panel=ASK,
    ),
]
ReferenceStrength = Annotated[
    float | None,
    typer.Option(
        metavar="0..1",
        help="How near to keep to it: 1 is nearest, 0 leaves it out. If left out: "
        f"{REFERENCE_STRENGTH}.",
        rich_help_panel=ASK,
    ),
]
Guidance = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        help="How strictly to follow the words, or the picture's guess: 1 is loosely, 0 not at "
        "all. If left out: the model's own; of vta-mini 2, and 1 where sound begins near a draft.",
        rich_help_panel=FOLLOW,
    ),
]
MotionScale = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        help="The same for the picture's motion. If left out: as --guidance.",
        rich_help_panel=FOLLOW,
    ),
]
HitsScale = Annotated[
    float | None,
    typer.Option(
        metavar="X",
        help="The same for --hits. If left out: as --guidance.",
        rich_help_panel=FOLLOW,
    ),
]
Draft = Annotated[
    bool,
    typer.Option(
        "--draft/--no-draft",
        help="Lay recordings that are like what is asked beneath the sound, for a new take.",
        rich_help_panel=FOLLOW,
    ),
]
Manners = Annotated[
    str,
    typer.Option(
        **among("on", "off"),
        help="Make a scene again, up to twice, that comes out as speech or music unasked.",
        rich_help_panel=FOLLOW,
    ),
]
Quality = Annotated[
    str,
    typer.Option(
        **among(*QUALITIES),
        help="draft is quickest; best takes twice the steps of normal.",
        rich_help_panel=MACHINE,
    ),
]
Steps = Annotated[
    int | None,
    typer.Option(
        metavar="N", help="Denoising steps, whatever the quality.", rich_help_panel=MACHINE
    ),
]
SamplerName = Annotated[
    str | None,
    typer.Option(
        "--sampler",
        metavar="NAME",
        help=f"Denoising method: {', '.join(SAMPLERS)}.",
        rich_help_panel=MACHINE,
        autocompletion=lambda: list(SAMPLERS),
    ),
]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Replace OUT if it exists.", rich_help_panel=ASK)
]
Json = Annotated[
    bool, typer.Option("--json", help="The answer as one JSON object.", rich_help_panel=TALK)
]
Progress = Annotated[
    str, typer.Option(**among(*PROGRESS), help="Progress, on stderr.", rich_help_panel=TALK)
]
Quiet = Annotated[
    bool, typer.Option("-q", "--quiet", help="Warnings and errors only.", rich_help_panel=TALK)
]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Say more.", rich_help_panel=TALK)]


def seconds(value: float, flag: str) -> Fraction:
    """A flag's seconds, exactly as typed. Raises ConfigError for what is no number."""
    if not isfinite(value):
        raise ConfigError(f"{flag} takes seconds, not {value}.")
    return Fraction(str(value))


def scene_options(
    scenes: str, min_scene: float, detector: str, threshold: float | None
) -> SceneOptions:
    """The four flags that say where scenes begin, as one value."""
    return SceneOptions(
        mode=scenes if scenes in ("auto", "off") else Path(scenes),
        min_scene_s=seconds(min_scene, "--min-scene"),
        detector=detector,
        threshold=threshold,
    )


def on_or_off(value: str, flag: str) -> bool:
    """Raises ConfigError for anything else."""
    if value not in ("on", "off"):
        raise ConfigError(f"{flag} is on or off, not {value!r}.")
    return value == "on"
