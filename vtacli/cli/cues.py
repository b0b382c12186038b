"""``vta plan --save``: the plan as a cue sheet."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

from vtacli.errors import ConfigError, printable
from vtacli.progress import Note, Report

if TYPE_CHECKING:
    from vtacli.planning import Plan


def check_save(save: Path | None, tc_start: str | None, film: Path, overwrite: bool) -> None:
    """Refuse a sheet that cannot be written before the picture is decoded. Raises ConfigError for
    a name that is none, OutputError where it exists or may not be written."""
    from vtacli.cues.reading import suffix_of
    from vtacli.media.door import check_destination

    if save is not None:
        suffix_of(save)
        check_destination(film, save, overwrite)
    elif tc_start is not None:
        raise ConfigError("--tc-start is for a cue sheet.", hint="Pass --save FILE as well.")


def save_cues(
    save: Path, plan: Plan, tc_start: str | None, overwrite: bool, report: Report
) -> None:
    """Write the sheet, and say what to do with it."""
    from vtacli.cues.sheet import FilmFacts
    from vtacli.cues.writing import write_cues

    footage = plan.job.footage
    own = footage.start_timecode
    film = FilmFacts(
        footage.duration_s, footage.frame_rate, footage.path.name, own.text if own else None
    )
    drop_frame = ";" in tc_start if tc_start else own is not None and own.drop_frame
    write_cues(
        save,
        plan.scenes,
        film,
        plan.guesses,
        starts_at=tc_start,
        drop_frame=drop_frame,
        overwrite=overwrite,
    )
    report(
        Note(
            f"Written: {printable(save)}. Fill it in, and: vta generate "
            f"{quote(printable(footage.path))} --cues {quote(printable(save))}"
        )
    )
