"""Where one shot ends and the next begins: PySceneDetect's detectors on our frames, or a list.

The detectors are given frame numbers for time. What they return is then exact, whatever the
frame rate does: the caller knows the presentation time of every frame. Minimum lengths of scenes
are left to :func:`vtacli.timeline.tile`, which counts in seconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vtacli.errors import ConfigError
from vtacli.timecode import Timecode, standard_rate


@dataclass(frozen=True)
class _Kind:
    """A detector of PySceneDetect, and the name of its threshold there."""

    class_name: str
    threshold_name: str
    default_threshold: float


DETECTORS: dict[str, _Kind] = {
    "adaptive": _Kind("AdaptiveDetector", "adaptive_threshold", 3.0),
    "content": _Kind("ContentDetector", "threshold", 27.0),
    "threshold": _Kind("ThresholdDetector", "threshold", 12.0),
    "hash": _Kind("HashDetector", "threshold", 0.395),
    "histogram": _Kind("HistogramDetector", "threshold", 0.05),
}
"""By the names of the command line; defaults are those of PySceneDetect's own command."""


class _Number(int):
    """A frame's number in the role of its timecode."""

    @property
    def frame_num(self) -> int:
        return int(self)


class _RealNumber:
    """Makes PySceneDetect's timecodes of frame numbers, at a rate that nothing depends on."""

    def __init__(self, timecode: Any) -> None:
        self._timecode = timecode
        self._rate = Fraction(25)

    def __call__(self, number: int) -> Any:
        return self._timecode(number, self._rate)


class CutDetector:
    """Finds cuts in pictures that are pushed one by one, in order.

    Raises ConfigError for an unknown detector or a threshold that is not positive.
    """

    def __init__(self, name: str = "adaptive", threshold: float | None = None):
        if name not in DETECTORS:
            raise ConfigError(
                f"There is no scene detector {name!r}.", hint=f"Use one of {', '.join(DETECTORS)}."
            )
        kind = DETECTORS[name]
        if threshold is None:
            threshold = kind.default_threshold
        if not threshold > 0:
            raise ConfigError(f"A scene threshold must be above 0, got {threshold}.")
        import scenedetect.detectors as detectors
        from scenedetect.common import FrameTimecode

        self._detector: Any = getattr(detectors, kind.class_name)(
            **{kind.threshold_name: threshold}, min_scene_len=0
        )
        # Only the middle of a fade is worked out by a real timecode; the others compare and
        # subtract, and a number does that in a tenth of the time.
        self._clock: Any = _RealNumber(FrameTimecode) if name == "threshold" else _Number
        self._count = 0

    @property
    def lag(self) -> int:
        """How many pictures ago a cut that is found now can lie, where that is bounded."""
        return int(self._detector.event_buffer_length)

    def push(self, picture: NDArray[np.uint8]) -> list[int]:
        """Add a picture, (h, w, 3) uint8 in BGR. Returns numbers, from 0, of pictures that are
        the first of a new shot."""
        now = self._clock(self._count)
        self._count += 1
        return [cut.frame_num for cut in self._detector.process_frame(now, picture)]

    def finish(self) -> list[int]:
        """Cuts known only now that there are no more pictures."""
        if not self._count:
            return []
        end = self._clock(self._count - 1)
        return [cut.frame_num for cut in self._detector.post_process(end)]


_SECONDS = re.compile(r"\d+(\.\d+)?")
_CLOCK = re.compile(r"(\d+):([0-5]\d):([0-5]\d)(?:\.(\d+))?")
_FRAMES = re.compile(r"\d+:[0-5]\d:[0-5]\d[:;]\d{2,3}")
_LONGEST = 60
"""Characters of a time: Python refuses to read numbers of thousands of digits."""


def parse_time(text: str, frame_rate: Fraction) -> Fraction:
    """Seconds from ``12.5``, ``HH:MM:SS.mmm``, ``HH:MM:SS:FF`` or drop-frame ``HH:MM:SS;FF``.

    Frames are counted at ``frame_rate``, or the standard rate that it rounds
    (:mod:`vtacli.timecode`). Raises ConfigError with a reason.
    """
    if len(text) > _LONGEST:
        raise ConfigError(f"{text[:_LONGEST]!r}… is no time")
    if _SECONDS.fullmatch(text):
        return Fraction(text)
    if clock := _CLOCK.fullmatch(text):
        h, m, s, part = clock.groups()
        return Fraction(int(h) * 3600 + int(m) * 60 + int(s)) + Fraction(f"0.{part or 0}")
    if _FRAMES.fullmatch(text):
        return Timecode.parse(text, standard_rate(frame_rate)).seconds
    raise ConfigError(f"{text!r} is no time; write seconds, HH:MM:SS.mmm or HH:MM:SS:FF")


def timed_rows(
    path: Path, what: str, duration_s: Fraction, frame_rate: Fraction
) -> Iterator[tuple[int, Fraction, list[str]]]:
    """The line number, the time and the other fields of each line of a text or CSV file.

    ``#`` begins a comment; a heading in the first line is passed over. Times count from the
    film's start. Raises ConfigError with the line's number for what is no time, for a time at or
    beyond the end, and for a file that cannot be read; ``what`` names the file's purpose.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"The list of {what} cannot be read as text.", path=path, hint="One time per line."
        ) from error
    first = True
    for number, line in enumerate(lines, 1):
        text = line.split("#", 1)[0]
        # a label's words, which come after tabs, may have commas
        fields = [f.strip().strip('"') for f in text.split("\t" if "\t" in text else ",")]
        if fields[0] in ("", "\\"):  # Audacity writes a label's frequencies beneath it, after a "\"
            continue
        heading, first = first and not any(c.isdigit() for c in fields[0]), False
        if heading:
            continue
        try:
            time_s = parse_time(fields[0], frame_rate)
        except ConfigError as error:
            raise ConfigError(
                f"Line {number}: {error.message}", path=path, hint=error.hint
            ) from None
        if time_s >= duration_s:
            end = f"{float(duration_s):.3f} s"
            raise ConfigError(
                f"Line {number}: {fields[0]} is not before the film's end, {end}.", path=path
            )
        yield number, time_s, fields[1:]


def read_scene_file(path: Path | str, duration_s: Fraction, frame_rate: Fraction) -> list[Fraction]:
    """Cut times from a text or CSV file: the first field of every line, sorted.

    0 is allowed and changes nothing. Raises ConfigError as :func:`timed_rows` does.
    """
    rows = timed_rows(Path(path), "scenes", duration_s, frame_rate)
    return sorted({time_s for _, time_s, _ in rows} - {Fraction(0)})
