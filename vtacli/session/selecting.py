"""Scenes as people name them: by number from 1, by range, or by a moment that lies in them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction

from vtacli.cues.times import Clock
from vtacli.errors import ConfigError
from vtacli.session.session import Session

_NUMBERS = re.compile(r"(\d+)(?:-(\d+))?", re.ASCII)
HOW = "Write 3, 5-7, 1,4 or a moment such as 00:01:02:03 or 62.5."


def scenes_named(session: Session, names: Iterable[str]) -> list[int]:
    """Numbers from 1, in order, each once. Raises ConfigError for what names no scene."""
    numbers: set[int] = set()
    for name in (part.strip() for text in names for part in text.split(",")):
        found = _NUMBERS.fullmatch(name)
        if found is None:
            numbers.add(_at(session, name))
            continue
        first, last = int(found[1]), int(found[2] or found[1])
        if last < first:
            raise ConfigError(f"The range {name} is the wrong way round.", hint=HOW)
        for number in (first, last):
            session.scene(number)
        numbers.update(range(first, last + 1))
    if not numbers:
        raise ConfigError("No scene is named.", hint=HOW)
    return sorted(numbers)


def clock_of(session: Session) -> Clock:
    """Writes and reads times as the film's timecode has them."""
    facts = session.facts
    return Clock.of(Fraction(facts.frame_rate), facts.starts_at)


def _at(session: Session, name: str) -> int:
    time_s = None
    for clock in (clock_of(session), Clock(Fraction(session.facts.frame_rate))):
        with suppress(ConfigError):
            time_s = clock.read(name)
            break
    if time_s is None:
        raise ConfigError(f"{name!r} names no scene.", hint=HOW)
    for scene in session.state.scenes:
        if scene.scene.span.contains(time_s):
            return scene.number
    raise ConfigError(f"The film has ended at {name}.", hint=HOW)
