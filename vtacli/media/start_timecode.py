"""The timecode that a film starts at: as asked, as the film says, or midnight."""

from __future__ import annotations

from vtacli.errors import ConfigError
from vtacli.media.probe import Footage
from vtacli.progress import Note, Report, ignore
from vtacli.timecode import Timecode, standard_rate


def start_timecode(
    footage: Footage, asked: str | None = None, report: Report = ignore
) -> Timecode | None:
    """The label of the film's first picture.

    ``asked``: of ``--tc-start``, at the film's rate; else what the film carries; else
    00:00:00:00. A film's own timecode that is no label at its rate is passed over with a warning.
    None for a film of less than one picture a second, which has no timecode.

    Raises ConfigError where ``asked`` is no timecode of this film.
    """
    rate = standard_rate(footage.frame_rate)
    if asked is not None:
        return Timecode.parse(asked, rate)
    if rate < 1:
        return None
    if footage.start_timecode is not None:
        try:
            return Timecode.parse(footage.start_timecode.text, rate)
        except ConfigError as error:
            report(
                Note(
                    f"The film's own timecode is passed over: {error.message.rstrip('.')}. "
                    "--tc-start says where it starts.",
                    "warning",
                )
            )
    return Timecode(0, rate)
