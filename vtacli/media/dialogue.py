"""Which of a film's tracks is listened to for speech."""

from __future__ import annotations

import re

from vtacli.errors import ConfigError
from vtacli.media.probe import Footage, StreamInfo

_SAYS_DIALOGUE = re.compile(r"\b(dialogue?s?|dial|dlg|dx|vox|voices?|speech|lavs?|boom)\b", re.I)
_SAYS_OTHERWISE = re.compile(
    r"\b(m ?& ?e|m ?and ?e|music|effects|sfx|fx|foley|ambien(ce|t)|instrumental|commentary)\b", re.I
)
_NO_SPEECH = "zxx"
"""ISO 639-2 for: no linguistic content."""
_NOT_THE_FILMS = {"comment", "visual_impaired", "clean_effects"}


def dialogue_stream(footage: Footage, asked: int | None, mixed: StreamInfo | None) -> StreamInfo:
    """The stream ``asked`` for; else the first whose title says that it is dialogue; else the one
    that is mixed with, or the default one, unless it says that nobody speaks in it.

    Raises ConfigError where there is none, or ``asked`` is no sound.
    """
    usable = [s for s in footage.audio if s.channels and s.rate_hz]
    if asked is not None:
        for stream in usable:
            if stream.index == asked:
                return stream
        known = ", ".join(str(s.index) for s in usable) or "none"
        raise ConfigError(
            f"Stream {asked} is no sound that can be read.",
            path=footage.path,
            hint=f"Streams with sound: {known}; see `vta probe`.",
        )
    if not usable:
        raise ConfigError(
            "The film has no sound, so there is no speech to give way to.",
            path=footage.path,
            hint="Leave out --duck.",
        )
    for stream in usable:
        if _SAYS_DIALOGUE.search(stream.title) and not _SAYS_OTHERWISE.search(stream.title):
            return stream
    speaking = [s for s in usable if not _is_without_speech(s)] or usable
    if mixed is not None and mixed in speaking:
        return mixed
    return next((s for s in speaking if "default" in s.disposition), speaking[0])


def _is_without_speech(stream: StreamInfo) -> bool:
    return (
        stream.language == _NO_SPEECH
        or bool(_NOT_THE_FILMS.intersection(stream.disposition))
        or bool(_SAYS_OTHERWISE.search(stream.title))
    )
