"""By what films, models and choices are known again: their content, never their names."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from vtacli.errors import MediaError
from vtacli.options import GenerateOptions
from vtacli.progress import Report, Step, ignore
from vtacli.window_cache.edition import EDITION

SCHEMA = 1
"""Of what is hashed."""
NOT_OF_THE_SOUND = ("model", "device", "batch_size", "overwrite", "seed")
"""Choices that a settings' hash leaves out: how fast a film is made, not what comes of it; the
model counts by its weights, the seed by :func:`seed_of`."""
_BLOCK = 1 << 22


def content_of(film: Path, report: Report = ignore) -> str:
    """SHA-256 of a film's bytes, in hexadecimal digits. Raises MediaError."""
    digest, done = sha256(), 0
    try:
        total = film.stat().st_size
        with film.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                done += len(block)
                report(Step("hash", done, total))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise MediaError(f"The file cannot be read: {reason}.", path=film) from error
    return digest.hexdigest()


def seed_of(content: str) -> int:
    """The seed, in 31 bits, of a film for which none is given: drawn from its content, so that a
    film has the same sound in every batch and no two films share their noise."""
    return int.from_bytes(sha256(f"seed/{content}".encode()).digest()[:4], "big") >> 1


def settings_of(options: GenerateOptions, model: str) -> dict[str, Any]:
    """Everything that a film's new sound depends on beside the film: choices, the weights' hash
    (``model``), the edition of the code, and the content of the files that choices name. Raises
    MediaError for one that cannot be read."""
    plain = {k: v for k, v in options.to_dict().items() if k not in NOT_OF_THE_SOUND}
    plain = _by_content(plain, options)
    plain["seed"] = "by content" if options.seed is None else options.seed
    return {"schema": SCHEMA, "edition": EDITION, "model": model, "options": plain}


def settings_hash(settings: dict[str, Any]) -> str:
    """SHA-256 of what :func:`settings_of` gave."""
    return sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def seeded(options: GenerateOptions, content: str) -> GenerateOptions:
    """The choices, with a seed in any case."""
    return options if options.seed is not None else replace(options, seed=seed_of(content))


def _by_content(plain: dict[str, Any], options: GenerateOptions) -> dict[str, Any]:
    """The choices with hashes in the place of paths: any field that is one, or several."""
    out = dict(plain)
    for name in plain:
        value = getattr(options, name)
        if isinstance(value, Path):
            out[name] = content_of(value)
        elif isinstance(value, tuple) and any(isinstance(v, Path) for v in value):
            out[name] = [content_of(v) for v in value]
        elif name == "scenes" and isinstance(value.mode, Path):
            out[name] = {**plain[name], "mode": content_of(value.mode)}
    return out
