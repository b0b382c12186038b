"""The flag for where a film starts in timecode."""

from __future__ import annotations

from typing import Annotated

import typer

TcStart = Annotated[
    str | None,
    typer.Option(
        "--tc-start",
        metavar="HH:MM:SS:FF",
        help="Timecode of the first picture; a semicolon before the frames for drop-frame. "
        "If left out: the film's own, or 00:00:00:00.",
        rich_help_panel="Files",
    ),
]
