"""SMPTE timecode: a label for every frame of a day, drop-frame and non-drop kept apart.

A label is not a time. It counts frames, and what a frame lasts is the rate's business: the label
01:00:00:00 without drop-frame lies 3603.6 s after midnight at 30000/1001 frames a second, with
drop-frame 3599.9964 s. Everything here is exact; samples are rounded once, at the end.
Source: SMPTE ST 12-1, and its usual extension to 48, 50, 60, 100 and 120 frames a second.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from vtacli.errors import ConfigError
from vtacli.timeline import samples_at

_LABEL = re.compile(r"(\d{1,2}):(\d{2}):(\d{2})([:;.,])(\d{2,3})", re.ASCII)
DROPPED_A_MINUTE = {30: 2, 60: 4, 120: 8}
"""Labels that drop-frame leaves out of each minute but every tenth, by frames of a label's
second: 30 at 30000/1001, 60 at 60000/1001, 120 at 120000/1001."""


def frames_a_second(rate: Fraction) -> int:
    """The frames that a second of labels holds: the nearest whole number to the rate, halves up."""
    return (2 * rate.numerator + rate.denominator) // (2 * rate.denominator)


def takes_drop_frame(rate: Fraction) -> bool:
    """Drop-frame exists at 30000/1001 and its multiples, and nowhere else."""
    base = frames_a_second(rate)
    return base in DROPPED_A_MINUTE and rate == Fraction(base * 1000, 1001)


def standard_rate(rate: Fraction) -> Fraction:
    """The exact rate that a rounded or measured one means: 2997/100 gives 30000/1001.

    A whole number, or a whole number times 1000/1001, whichever is nearer, if within 1 in 5000
    (23.98 is 1 in 6000 off); else the rate itself.
    """
    base = Fraction(frames_a_second(rate))
    known = (base, base * Fraction(1000, 1001))
    nearest = min(known, key=lambda r: abs(rate - r))
    return nearest if nearest and abs(rate - nearest) * 5000 <= nearest else rate


@dataclass(frozen=True)
class Timecode:
    """One frame of a day: ``frames`` counted from midnight, at ``rate`` frames a second.

    Made by :meth:`parse` or from a count. The count lies within one day of labels; a rate
    without drop-frame refuses ``drop_frame``. Raises ConfigError otherwise.
    """

    frames: int
    rate: Fraction
    drop_frame: bool = False

    def __post_init__(self) -> None:
        if self.rate < 1:
            raise ConfigError(f"There is no timecode at {_named(self.rate)} frames a second.")
        if self.drop_frame and not takes_drop_frame(self.rate):
            raise ConfigError(
                f"There is no drop-frame timecode at {_named(self.rate)} frames a second.",
                hint="Write a colon before the frames: drop-frame is for 29.97, 59.94 and 119.88.",
            )
        if not 0 <= self.frames < self.frames_a_day:
            raise ConfigError(
                f"A day has frames 0 to {self.frames_a_day - 1} at {_named(self.rate)}, "
                f"got {self.frames}."
            )

    @classmethod
    def parse(cls, text: str, rate: Fraction) -> Timecode:
        """Read ``HH:MM:SS:FF``, or ``HH:MM:SS;FF`` (``.`` and ``,`` mean the same) for drop-frame.

        Raises ConfigError, with what to write instead, for what is no label, for a frame that the
        rate does not have, for drop-frame where there is none, and for a label that drop-frame
        leaves out.
        """
        found = _LABEL.fullmatch(text.strip())
        if found is None:
            raise ConfigError(
                f"{text!r} is no timecode.",
                hint="Write HH:MM:SS:FF, or HH:MM:SS;FF for drop-frame.",
            )
        hours, minutes, seconds, frame = (int(found.group(i)) for i in (1, 2, 3, 5))
        drop, base = found.group(4) != ":", frames_a_second(rate)
        if hours > 23 or minutes > 59 or seconds > 59:
            raise ConfigError(
                f"The timecode {text} does not exist.", hint="A day ends at 23:59:59, last frame."
            )
        if frame >= base:
            raise ConfigError(
                f"The timecode {text} does not exist: at {_named(rate)} frames a second they are "
                f"numbered 0 to {base - 1}."
            )
        dropped = _dropped(rate) if drop else 0
        if drop and not takes_drop_frame(rate):
            plain = f"{hours:02}:{minutes:02}:{seconds:02}:{frame:02}"
            raise ConfigError(
                f"There is no drop-frame timecode at {_named(rate)} frames a second, so "
                f"{text} does not exist.",
                hint=f"Write {plain}.",
            )
        if seconds == 0 and frame < dropped and minutes % 10:
            before = f"{hours:02}:{minutes - 1:02}:59;{base - 1:02}"
            after = f"{hours:02}:{minutes:02}:00;{dropped:02}"
            raise ConfigError(
                f"The timecode {text} does not exist: drop-frame leaves it out.",
                hint=f"Write {after}, which is the next frame after {before}.",
            )
        total_minutes = hours * 60 + minutes
        label = (total_minutes * 60 + seconds) * base + frame
        return cls(label - dropped * (total_minutes - total_minutes // 10), rate, drop)

    @property
    def text(self) -> str:
        """The label, ``;`` before the frames where it is drop-frame."""
        base = frames_a_second(self.rate)
        label = self.frames
        if self.drop_frame:
            dropped = _dropped(self.rate)
            tens, rest = divmod(self.frames, _frames_of_ten_minutes(self.rate, True))
            # The first minute of ten is whole; each of the others is short by what it drops.
            later = max(0, (rest - dropped) // (60 * base - dropped))
            label += dropped * (9 * tens + later)
        seconds, frame = divmod(label, base)
        minutes, second = divmod(seconds, 60)
        hour, minute = divmod(minutes, 60)
        mark = ";" if self.drop_frame else ":"
        digits = max(2, len(str(base - 1)))
        return f"{hour:02}:{minute:02}:{second:02}{mark}{frame:0{digits}}"

    @property
    def frames_a_day(self) -> int:
        """How many labels a day has."""
        return 144 * _frames_of_ten_minutes(self.rate, self.drop_frame)

    @property
    def seconds(self) -> Fraction:
        """Real time since the label 00:00:00:00, exactly."""
        return self.frames / self.rate

    def samples(self, rate_hz: int) -> int:
        """The same in samples, rounded half up: what a Broadcast Wave calls TimeReference."""
        return samples_at(self.seconds, rate_hz)

    def samples_after(self, offset: int, rate_hz: int) -> int:
        """TimeReference of a sound that begins ``offset`` samples after this frame (before it,
        where negative). Past the last label of the day it begins again at 0."""
        day = samples_at(self.frames_a_day / self.rate, rate_hz)
        return (self.samples(rate_hz) + offset) % day

    def __add__(self, frames: int) -> Timecode:
        """The label so many frames later, past midnight if need be."""
        return Timecode((self.frames + frames) % self.frames_a_day, self.rate, self.drop_frame)

    @property
    def flag(self) -> str:
        """``DF`` or ``NDF``, as iXML and edit lists write it."""
        return "DF" if self.drop_frame else "NDF"

    def __str__(self) -> str:
        return self.text


def _dropped(rate: Fraction) -> int:
    return DROPPED_A_MINUTE.get(frames_a_second(rate), 0)


def _frames_of_ten_minutes(rate: Fraction, drop_frame: bool) -> int:
    return 600 * frames_a_second(rate) - (9 * _dropped(rate) if drop_frame else 0)


def _named(rate: Fraction) -> str:
    return f"{float(rate):.6g}"
