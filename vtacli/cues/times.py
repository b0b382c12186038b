"""Times in a cue sheet: written so that they read back exactly, and read as people write them.

A time counts from the film's first picture, as everywhere (``--scenes``, ``--hits``): in seconds
(``12.5``, or ``313313/24000 s`` where no decimal is exact), as ``HH:MM:SS.mmm``, or as the label
of a frame, ``HH:MM:SS:FF`` (drop-frame ``HH:MM:SS;FF``). Labels alone can be told to count from
another one (``starts_at``), such as the 01:00:00:00 that an editing program shows.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction

from vtacli.errors import ConfigError
from vtacli.media.scenes import parse_time
from vtacli.timecode import Timecode, standard_rate

_LABEL = re.compile(r"\d{1,2}:\d{2}:\d{2}[:;]\d{2,3}", re.ASCII)
_RATIO = re.compile(r"(\d+)/(\d+)", re.ASCII)
_SECONDS_MARK = re.compile(r"\s*s$")
LONGEST_TEXT = 60
"""More than any time needs; a number of thousands of digits is refused before it is worked out."""
MOST_PLACES = 9
HOW = "Write seconds (12.5), HH:MM:SS.mmm or HH:MM:SS:FF."


def number_of(text: str) -> Fraction:
    """A decimal number, exactly. Raises ValueError for none, and for one of absurd size."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is no number") from None
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or len(digits) > LONGEST_TEXT or abs(exponent) > 400:
        raise ValueError(f"{text[:LONGEST_TEXT]!r} is no number that can be used")
    return Fraction(number)


@dataclass(frozen=True)
class Clock:
    """How a sheet's times are meant. ``frame_rate``: the film's. ``starts_at``: the label of its
    first picture; None: labels count from 00:00:00:00."""

    frame_rate: Fraction
    starts_at: Timecode | None = None

    @classmethod
    def of(cls, frame_rate: Fraction, starts_at: str | None) -> Clock:
        """Raises ConfigError for a label that the film's rate does not have."""
        if starts_at is None:
            return cls(frame_rate)
        label = Timecode.parse(starts_at, standard_rate(frame_rate))
        return cls(frame_rate, label if label.frames else None)

    def read(self, value: object) -> Fraction:
        """Seconds from the film's start. Raises ConfigError with a reason."""
        if isinstance(value, bool) or not isinstance(value, (str, int, Fraction)):
            raise ConfigError(f"{_shown(value)} is no time.", hint=HOW)
        if isinstance(value, (int, Fraction)):
            if value < 0:
                raise ConfigError("A time is 0 or more.", hint=HOW)
            return Fraction(value)
        text = _SECONDS_MARK.sub("", value.strip())
        if len(text) > LONGEST_TEXT:
            raise ConfigError(f"{_shown(value)} is no time.", hint=HOW)
        if (ratio := _RATIO.fullmatch(text)) and int(ratio[2]):
            return Fraction(int(ratio[1]), int(ratio[2]))
        if _LABEL.fullmatch(text):
            return self._after_start(Timecode.parse(text, standard_rate(self.frame_rate)))
        try:
            return parse_time(text, self.frame_rate)
        except ConfigError as error:
            said = error.message.split(";")[0]
            raise ConfigError(said, hint=error.hint or HOW) from None

    def write(self, time_s: Fraction, drop_frame: bool = False) -> str:
        """The label of a frame where the time is one exactly, else a decimal, else a ratio."""
        rate = standard_rate(self.frame_rate)
        frames = time_s * rate
        if frames.denominator == 1 and rate >= 1:
            start = self.starts_at or Timecode(0, rate, drop_frame)
            if start.frames + frames < start.frames_a_day:  # not past midnight
                return (start + int(frames)).text
        return seconds_text(time_s)

    def _after_start(self, label: Timecode) -> Fraction:
        start = self.starts_at
        if start is None:
            return label.seconds
        if label.drop_frame != start.drop_frame:
            mark = ";" if start.drop_frame else ":"
            raise ConfigError(
                f"{label.text} is not counted as {start.text}, where the film starts.",
                hint=f"Write {mark!r} before the frames, or change starts_at.",
            )
        frames = label.frames - start.frames
        if frames < 0 and start.frames >= start.frames_a_day // 2:
            frames += start.frames_a_day  # the film runs past midnight
        if frames < 0:
            raise ConfigError(
                f"{label.text} is before the film's first picture, {start.text}.",
                hint="starts_at says which label that has.",
            )
        return frames / label.rate


def seconds_text(time_s: Fraction) -> str:
    """Exactly: ``12.5``, or ``313313/24000 s``."""
    digits = time_s * 10**MOST_PLACES
    if digits.denominator != 1:
        return f"{time_s.numerator}/{time_s.denominator} s"
    whole, part = divmod(int(digits), 10**MOST_PLACES)
    return f"{whole}.{part:0{MOST_PLACES}}".rstrip("0").rstrip(".")


def _shown(value: object) -> str:
    text = repr(value) if isinstance(value, str) else f"a {type(value).__name__}"
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"
