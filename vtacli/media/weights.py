"""Where the detectors lie that listen to what is made, beside a model or on a shelf.

Models themselves are found by :mod:`vtacli.shelves`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from vtacli.shelves import INDEX, find_model, installed, is_path, shelves

__all__ = [
    "INDEX",
    "find_listener",
    "find_model",
    "find_tagger",
    "find_voice_detector",
    "installed",
    "is_path",
    "shelves",
]

TAGGER, TAGGER_WEIGHTS = "yamnet", "yamnet.safetensors"
VOICE, VOICE_WEIGHTS = "silero-vad", "silero-vad.safetensors"


def find_tagger(
    model: Path, weights_dir: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path | None:
    """The folder of the sound tagger: beside the model's, or on a shelf. None: there is none."""
    return _beside(model, weights_dir, environ, TAGGER, TAGGER_WEIGHTS)


def find_voice_detector(
    model: Path, weights_dir: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path | None:
    """The folder of the speech detector: beside the model's, or on a shelf. None: there is none."""
    return _beside(model, weights_dir, environ, VOICE, VOICE_WEIGHTS)


def find_listener(
    name: str, weights_dir: Path | None = None, environ: Mapping[str, str] = os.environ
) -> Path | None:
    """The folder of another network that listens, by its name on a shelf. None: there is none."""
    for shelf in shelves(weights_dir, environ):
        if (shelf / name).is_dir():
            return shelf / name
    return None


def _beside(
    model: Path, weights_dir: Path | None, environ: Mapping[str, str], name: str, weights: str
) -> Path | None:
    for shelf in (model.parent, *shelves(weights_dir, environ)):
        if (shelf / name / weights).is_file():
            return shelf / name
    return None
