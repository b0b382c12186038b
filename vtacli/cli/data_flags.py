"""What the commands of ``vta data`` share: their source, and how many processes work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli.flags import MACHINE
from vtacli.errors import ConfigError, printable

if TYPE_CHECKING:
    from vtacli.training.data.clip import Clip

Source = Annotated[
    Path,
    typer.Argument(metavar="SOURCE", help="A folder of films, or a list.", show_default=False),
]
Clips = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Where the files of a list lie. If left out: beside it, or here."
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Processes; 0: this one. If left out: one for each core.",
        rich_help_panel=MACHINE,
    ),
]


def read_source(source: Path, clips: Path | None) -> list[Clip]:
    """The clips of a list or folder. Raises ConfigError where there is none."""
    from vtacli.training.data.manifest import read_manifest

    if not source.exists():
        raise ConfigError(f"There is no {printable(source)}.", hint="Give a folder or a list.")
    return read_manifest(source, clips)


def processes(workers: int | None) -> int:
    """One for each core that this process may use, where it is not said."""
    import os

    if workers is None:
        cores = getattr(os, "sched_getaffinity", None)
        return len(cores(0)) if cores else (os.cpu_count() or 1)
    if workers < 0:
        raise ConfigError(f"--workers is 0 or more, not {workers}.")
    return workers


def encoder_names() -> list[str]:
    """For completion."""
    from vtacli.model.encoders.spec import SPECS

    return list(SPECS)
