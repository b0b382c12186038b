"""What a take's sound depends on, all of it, as a digest: equal recipes, equal sounds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fractions import Fraction
from hashlib import sha256
from typing import Any

from vtacli.model.contract import NoiseKey
from vtacli.options import GenerateOptions
from vtacli.session.files import hash_file
from vtacli.session.state import hits_json, span_json
from vtacli.timeline import Scene

SOUNDING = (
    "steps",
    "guidance",
    "motion_scale",
    "hits_scale",
    "draft",
    "reference_strength",
    "manners",
    "quality",
    "sampler",
    "dtype",
)
"""Choices that change the sound. Not among them: the device, the batch, and how it is mixed."""


def take_seed(seed: int, number: int) -> int:
    """The seed of a scene's take, from 1: the first has the scene's own."""
    if number == 1:
        return seed
    return NoiseKey(seed, 0, number).seed_64("take") >> 32


def recipe_of(
    film: str,
    model: Mapping[str, Any],
    options: GenerateOptions,
    scene: Scene,
    seed: int,
    cuts_s: Iterable[Fraction],
) -> str:
    """A digest. ``film``: the hash of the film's file. ``model``: facts, ``weights`` among them.
    ``cuts_s``: of the film; those within the scene are no movement.

    ``scene``: with its own words, the film's where it has none. Raises MediaError where a
    reference cannot be read.
    """
    span = scene.span
    prompt = options.prompt if scene.prompt is None else scene.prompt
    negative = options.negative if scene.negative is None else scene.negative
    values = {
        "film": film,
        "model": [model["name"], model["weights"]],
        **span_json(span),
        "cuts": [str(c) for c in cuts_s if span.start_s < c < span.end_s],
        "seed": seed,
        "prompt": prompt,
        "negative": negative,
        "hits": hits_json(scene.hits),
        "crossfade": str(options.crossfade_s),
        "references": [[p.name, hash_file(p)] for p in options.references],
        **{name: getattr(options, name) for name in SOUNDING},
    }
    return digest(values)


def digest(values: object) -> str:
    """Of JSON values; 128 bits are plenty."""
    text = json.dumps(values, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return sha256(text.encode()).hexdigest()[:32]
