"""The choices of ``vta generate`` as JSON values, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError
from vtacli.options import GenerateOptions, MixOptions, SceneOptions
from vtacli.session.film import place_of, stored

FOR_NOW = ("overwrite", "device", "batch_size")
"""Choices of one run, which change no sound and are not kept."""
FRACTIONS = ("crossfade_s", "min_scene_s")
PATHS = ("hits", "cues")


def choices_json(options: GenerateOptions, session: Path) -> dict[str, Any]:
    """Every choice, so that a later version with other defaults knows what was meant: fractions as
    text, files as the session names them."""
    return {k: v for k, v in _all(options, session).items() if k not in FOR_NOW}


def mix_json(mix: MixOptions) -> dict[str, Any]:
    """The choices that a mix's common gains depend on."""
    return {k: v for k, v in _all(mix, Path()).items() if k != "codec"}


def choices_of(said: Mapping[str, Any], session: Path) -> GenerateOptions:
    """Raises ConfigError for choices that this version does not know or refuses."""
    try:
        values = {k: _value(k, v, session) for k, v in said.items() if k not in ("scenes", "mix")}
        scenes = {k: _value(k, v, session) for k, v in said.get("scenes", {}).items()}
        return GenerateOptions(
            **values, scenes=SceneOptions(**scenes), mix=MixOptions(**said.get("mix", {}))
        )
    except (TypeError, ValueError) as error:
        raise ConfigError(
            f"The session's choices cannot be read: {error}.", path=session
        ) from error


def _all(options: Any, session: Path) -> dict[str, Any]:
    return {f.name: _plain(getattr(options, f.name), session) for f in fields(options)}


def _plain(value: Any, session: Path) -> Any:
    if isinstance(value, (SceneOptions, MixOptions)):
        return _all(value, session)
    if isinstance(value, Fraction):
        return str(value)
    if isinstance(value, Path):
        return stored(value, session)
    if isinstance(value, tuple):
        return [_plain(v, session) for v in value]
    return value


def _value(name: str, value: Any, session: Path) -> Any:
    if name in FRACTIONS:
        return Fraction(value)
    if name in PATHS and value is not None:
        return place_of(value, session)
    if name == "references":
        return tuple(place_of(v, session) for v in value)
    if name == "mode" and value not in ("auto", "off"):
        return place_of(value, session)
    return value
