"""The flags that commands on sessions share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vtacli.cli.flags import ASK, SOUND, among
from vtacli.options import AUDIO_MODES, CODECS, PROGRAMMES

if TYPE_CHECKING:
    from vtacli.options import MixOptions

FILM = "Film"

SessionPath = Annotated[
    Path,
    typer.Argument(
        metavar="SESSION", help="NAME.vta, or the film that it made.", show_default=False
    ),
]
MovedFilm = Annotated[
    Path | None,
    typer.Option(
        "--film",
        metavar="FILE",
        help="Where the session's film lies now, if it was moved.",
        rich_help_panel=FILM,
    ),
]
RenderToo = Annotated[
    bool,
    typer.Option(
        "--render", help="Write the session's film at once, as `vta render`.", rich_help_panel=ASK
    ),
]
AudioMode = Annotated[
    str | None,
    typer.Option("--audio", **among(*AUDIO_MODES), help="As for generate.", rich_help_panel=SOUND),
]
Gain = Annotated[
    float | None,
    typer.Option(
        metavar="DB", help="Of the foley; scenes' own gains come on top.", rich_help_panel=SOUND
    ),
]
Ceiling = Annotated[
    float | None, typer.Option(metavar="DBTP", help="True peak.", rich_help_panel=SOUND)
]
Width = Annotated[
    float | None,
    typer.Option(metavar="0..1", help="Width of mono sound in stereo.", rich_help_panel=SOUND),
]
Loudness = Annotated[
    str | None,
    typer.Option(
        metavar="none|SPEC|LUFS",
        help=f"Bring the finished mix to {', '.join(PROGRAMMES)} or LUFS such as -16.",
        rich_help_panel=SOUND,
        autocompletion=lambda: ["none", *PROGRAMMES],
    ),
]
Duck = Annotated[
    str | None,
    typer.Option(
        "--duck",
        metavar="DB|none",
        help="Lower the foley by so much while somebody speaks.",
        rich_help_panel=SOUND,
    ),
]
Codec = Annotated[
    str | None,
    typer.Option(**among(*CODECS), help="Of the new track.", rich_help_panel=SOUND),
]
Refit = Annotated[
    bool,
    typer.Option(
        "--refit",
        help="Choose anew the gains that all scenes share. Without it they are those of the first "
        "rendering, so that scenes which did not change sound as they did.",
        rich_help_panel=SOUND,
    ),
]
Marked = Annotated[
    bool | None,
    typer.Option(
        "--provenance/--no-provenance",
        help="Say in the metadata that the sound was generated.",
        rich_help_panel=SOUND,
    ),
]


def changed_mix(mix: MixOptions, duck: str | None, **values: Any) -> MixOptions:
    """The session's choices with those that were given in their place.

    Raises ConfigError for what they refuse.
    """
    from dataclasses import replace

    from vtacli.errors import ConfigError

    given = {k: v for k, v in values.items() if v is not None}
    if duck == "none":
        given |= {"duck_db": None, "duck_attack_ms": None, "duck_release_ms": None}
        given |= {"dialogue": None}
    elif duck is not None:
        try:
            given["duck_db"] = float(duck)
        except ValueError:
            raise ConfigError(f"--duck takes decibels or none, not {duck!r}.") from None
    return replace(mix, **given)
