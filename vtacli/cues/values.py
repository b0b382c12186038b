"""The values of a row, each checked by itself: type, range, and what to write instead."""

from __future__ import annotations

from fractions import Fraction
from math import isfinite
from pathlib import Path

from vtacli.cues.sheet import Table
from vtacli.cues.times import Clock
from vtacli.errors import ConfigError
from vtacli.media.marks import read_hits
from vtacli.timeline import Hit

MOST_TAKES = 999
LARGEST_SEED = 2**63 - 1
LEAST_GAIN_DB, MOST_GAIN_DB = -60.0, 40.0
HIT_KEYS = ("time", "strength")
HOW_HITS = 'Write a list of times in the film, with @ before a strength: [2.5, "4.25@0.5"].'


def text_of(table: Table, key: str) -> str | None:
    """Words, None where there are none. What is empty is refused, so that nobody wonders whether
    it means none or the film's."""
    value = table.values.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        table.refuse(key, f"{key} is text, not {_kind(value)}.", f'Write {key} = "rain".')
    if not value.strip():
        table.refuse(key, f"The {key} is empty.", f"Leave {key} out instead.")
    if not value.isprintable():
        odd = next((c for c in value if "\ud800" <= c <= "\udfff" or c == "\0"), None)
        if odd is not None:
            table.refuse(key, f"The {key} holds {odd!r}, which is no character of a text.")
    return value


def whole_of(table: Table, key: str, least: int, most: int) -> int | None:
    """A whole number in [least, most], None where there is none."""
    value = table.values.get(key)
    if value is None:
        return None
    if isinstance(value, Fraction) and value.denominator == 1:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        hint = f"Write {key} = {least}."
        table.refuse(key, f"{key} is a whole number, not {_kind(value)}.", hint)
    if not least <= value <= most:
        table.refuse(key, f"{key} is between {least} and {most}.")
    return value


def gain_of(table: Table, key: str = "gain_db") -> float:
    """Decibels, 0 where there are none."""
    value = table.values.get(key)
    if value is None:
        return 0.0
    if isinstance(value, bool) or not isinstance(value, (int, float, Fraction)):
        table.refuse(key, f"{key} is a number of dB, not {_kind(value)}.", f"Write {key} = -6.")
    if not (isfinite(value) and LEAST_GAIN_DB <= value <= MOST_GAIN_DB):
        table.refuse(key, f"{key} is between {LEAST_GAIN_DB:g} and {MOST_GAIN_DB:g} dB.")
    return float(value)


def truth_of(table: Table, key: str) -> bool:
    """Yes or no, no where nothing is said."""
    value = table.values.get(key)
    if value is None:
        return False
    if not isinstance(value, bool):
        table.refuse(key, f"{key} is true or false, not {_kind(value)}.", f"Write {key} = true.")
    return value


def time_of(table: Table, key: str, clock: Clock) -> Fraction | None:
    """Seconds from the film's start, None where there are none."""
    value = table.values.get(key)
    if value is None:
        return None
    try:
        return clock.read(value)
    except ConfigError as error:
        table.refuse(key, f"{key}: {error.message}", error.hint)


def hits_of(table: Table, clock: Clock) -> tuple[Hit, ...]:
    """The hits that are written in a row, in film order."""
    value = table.values.get("hits")
    if value is None:
        return ()
    if not isinstance(value, list):
        table.refuse("hits", f"hits are a list, not {_kind(value)}.", HOW_HITS)
    found: dict[Fraction, Hit] = {}
    for item in value:
        try:
            hit = _hit(item, clock)
        except ConfigError as error:
            table.refuse("hits", f"hits: {error.message}", error.hint)
        if hit.time_s in found:
            table.refuse("hits", f"hits: there are two at {float(hit.time_s):g} s.")
        found[hit.time_s] = hit
    return tuple(found[t] for t in sorted(found))


def marked_hits(table: Table, duration_s: Fraction, frame_rate: Fraction) -> tuple[Hit, ...]:
    """Those of the file that ``hits_from`` names, which is looked for beside the sheet."""
    named = text_of(table, "hits_from")
    if named is None:
        return ()
    path = table.path.parent / Path(named)
    if "\0" in named or not path.is_file():
        table.refuse("hits_from", f"There is no file {named!r} beside the sheet.", _near(path))
    return read_hits(path, duration_s, frame_rate)


def _hit(item: object, clock: Clock) -> Hit:
    """One hit: a time, ``TIME@STRENGTH``, or ``{time = …, strength = …}``."""
    strength: object = 1
    if isinstance(item, dict):
        unknown = [k for k in item if k not in HIT_KEYS]
        if unknown or "time" not in item:
            what = f"a hit has no {unknown[0]!r}" if unknown else "a hit without a time"
            raise ConfigError(f"{what}.", hint="Write {time = 2.5, strength = 0.5}.")
        strength = item.get("strength", 1)
        item = item["time"]
    elif isinstance(item, str) and "@" in item:
        item, _, said = item.partition("@")
        try:
            strength = float(said) if len(said) < 60 else said
        except ValueError:
            strength = said
    time_s = clock.read(item)
    if isinstance(strength, bool) or not isinstance(strength, (int, float, Fraction)):
        raise ConfigError(f"{str(strength)[:60]!r} is no strength.", hint=HOW_HITS)
    if not 0 < strength <= 1 or not float(strength):
        raise ConfigError("a strength is above 0 and at most 1.", hint=HOW_HITS)
    return Hit(time_s, float(strength))


def _near(path: Path) -> str:
    from difflib import get_close_matches

    try:
        there = [p.name for p in path.parent.iterdir() if p.is_file()]
    except (OSError, ValueError):
        there = []
    near = get_close_matches(path.name, there, 1)
    return f"Did you mean {near[0]}?" if near else "A path counts from the sheet's folder."


def _kind(value: object) -> str:
    if isinstance(value, str):
        text = value if len(value) <= 40 else f"{value[:40]}…"
        return f"the text {text!r}"
    kinds = {bool: "true or false", list: "a list", dict: "a table", int: "a whole number"}
    return kinds.get(type(value), "a number" if isinstance(value, Fraction) else "what is here")
