"""A cue sheet that a film is made by, held against what the model can be asked for."""

from __future__ import annotations

from pathlib import Path

from vtacli.cues.reading import read_cues
from vtacli.cues.sheet import CueSheet
from vtacli.errors import ConfigError
from vtacli.media.probe import Footage
from vtacli.model.variants import Variant


def known_cues(footage: Footage, path: Path | None, variant: Variant) -> CueSheet | None:
    """The cue sheet, None where none is given. Raises ConfigError for what is wrong with it, and
    for what this model cannot be asked for."""
    if path is None:
        return None
    sheet = read_cues(path, footage.duration_s, footage.frame_rate, footage.path.name)
    wordy = [s for s in sheet.scenes if s.prompt or s.negative]
    if wordy and not variant.takes_text:
        raise ConfigError(
            f"The model {variant.name} takes no text, and scene {wordy[0].index + 1} has a prompt.",
            path=path,
            hint="Leave prompt and negative out of the sheet, or choose another --model.",
        )
    struck = [s for s in sheet.scenes if s.hits]
    if struck and not variant.takes_hits:
        raise ConfigError(
            f"The model {variant.name} takes no hits, and scene {struck[0].index + 1} has some.",
            path=path,
            hint="Leave hits out of the sheet, or choose another --model.",
        )
    return sheet
