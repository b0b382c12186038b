"""The flags of ``vta generate`` as one value, for commands that do the same to many films."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from vtacli.cli import flags
from vtacli.cli.flags import MACHINE, seconds
from vtacli.options import DEFAULT_MODEL, GenerateOptions, MixOptions

BatchSize = Annotated[
    int, typer.Option(metavar="N", help="Windows at once.", rich_help_panel=MACHINE)
]


def choices(
    prompt: flags.Prompt = None,
    negative: flags.Negative = None,
    hits: flags.Hits = None,
    reference: flags.References = None,
    reference_strength: flags.ReferenceStrength = None,
    seed: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="One seed for all films. If left out, each film's is drawn from its content: "
            "the same film, the same sound, in any batch.",
            rich_help_panel=flags.ASK,
        ),
    ] = None,
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
    quality: flags.Quality = "normal",
    steps: flags.Steps = None,
    sampler: flags.SamplerName = None,
    device: flags.Device = "auto",
    dtype: flags.Dtype = "auto",
    batch_size: BatchSize = 4,
) -> GenerateOptions:
    """The choices of one run. Raises ConfigError."""
    return GenerateOptions(
        prompt=prompt,
        negative=negative,
        hits=hits,
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
        provenance=provenance,
    )


def takes(*makers: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the flags of ``makers`` beside its own; it is called with what they make,
    each under its maker's name. Raises TypeError where two have a flag of the same name."""

    def decorated(command: Callable[..., None]) -> Callable[..., None]:
        parts = {maker.__name__: _parameters(maker) for maker in makers}
        own = [p for p in _parameters(command) if p.name not in parts]
        every = [*own, *(p for part in parts.values() for p in part)]
        every.sort(key=lambda p: p.default is not inspect.Parameter.empty)

        @wraps(command)
        def run(**given: Any) -> None:
            for name, maker in zip(parts, makers, strict=True):
                given[name] = maker(**{p.name: given.pop(p.name) for p in parts[name]})
            command(**given)

        signature = inspect.Signature(every)
        run.__signature__ = signature  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in every}
        del run.__wrapped__
        return run

    return decorated


def _parameters(function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Its parameters with their annotations as objects, not as text."""
    hints = get_type_hints(function, include_extras=True)
    return [
        p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY)
        for p in inspect.signature(function).parameters.values()
    ]


def absolute(paths: list[Path]) -> tuple[Path, ...]:
    """Paths that mean the same from any folder."""
    return tuple(path.absolute() for path in paths)
