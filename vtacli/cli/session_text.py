"""What commands on sessions show a person."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from vtacli.cli.render import clock, counted, pairs, result_text
from vtacli.errors import printable

if TYPE_CHECKING:
    from vtacli.session.making import SessionMade
    from vtacli.session.rendering import Rendered
    from vtacli.session.session import Session
    from vtacli.session.state import SceneState, TakeInfo

CHOSEN = "*"


def command(*words: object) -> str:
    """A command that can be pasted."""
    return shlex.join(["vta", *(printable(str(w)) for w in words)])


def takes_text(session: Session, scenes: Iterable[SceneState] | None = None) -> RenderableType:
    """A row for every take; ``*`` marks the one that is heard."""
    from vtacli.session.selecting import clock_of

    times = clock_of(session)
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("scene", "from", "to", "take", "", "LUFS", "dBTP", "seed"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("prompt")
    shown = list(session.state.scenes if scenes is None else scenes)
    for scene in shown:
        span = scene.scene.span
        head = [str(scene.number), times.write(span.start_s), times.write(span.end_s)]
        rows = [_take_row(scene, take) for take in scene.takes]
        if not rows:
            why = "muted" if scene.scene.mute else "no take yet"
            rows = [["-", "", "", "", "", why]]
        for number, row in enumerate(rows):
            note = _note(scene) if number == 0 else ""
            table.add_row(*(head if number == 0 else ["", "", ""]), *row[:-1], row[-1] + note)
    made = sum(len(s.takes) for s in shown)
    return Group(table, Text(f"{counted(len(shown), 'scene')}, {counted(made, 'take')}"))


def _take_row(scene: SceneState, take: TakeInfo) -> list[str]:
    return [
        str(take.number),
        CHOSEN if take.number == scene.chosen else "",
        "" if take.loudness_lufs is None else f"{take.loudness_lufs:.1f}",
        "" if take.true_peak_dbtp is None else f"{take.true_peak_dbtp:.1f}",
        str(take.seed),
        printable(take.prompt) if take.prompt else f"({_guess(take)})",
    ]


def _guess(take: TakeInfo) -> str:
    """What the picture was taken to sound like, where that is known."""
    return take.guess.rpartition("->")[2].strip() if take.guess else "from the picture"


def _note(scene: SceneState) -> str:
    row = scene.scene
    said = [
        *(["locked"] if row.lock else []),
        *(["muted"] if row.mute and scene.takes else []),
        *([f"{row.gain_db:+g} dB"] if row.gain_db else []),
    ]
    return f"  [{', '.join(said)}]" if said else ""


def history_text(session: Session) -> RenderableType:
    """A row for every entry of the journal, the newest last."""
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("#", justify="right")
    for name in ("when", "by", "what"):
        table.add_column(name)
    undone = {e.undoes for e in session.history}
    for entry in session.history:
        what = entry.what + (" (taken back)" if entry.number in undone else "")
        when = entry.at.replace("T", " ").replace("+00:00", " UTC")
        table.add_row(str(entry.number), when, entry.command, printable(what))
    return table


def rendered_text(rendered: Rendered) -> RenderableType:
    """For ``vta render``, and what renders at once."""
    now = rendered.loudness.integrated_lufs
    loud = f"{now:.1f} LUFS" if now > float("-inf") else "none: too short or too quiet"
    rows = [
        ("output", printable(rendered.output)),
        ("length", f"{clock(rendered.duration_s)}, {rendered.samples} samples at 48000 Hz"),
        ("new track", rendered.track),
        ("loudness", loud),
        ("true peak", f"{rendered.loudness.true_peak_dbtp:.1f} dBTP"),
        ("sha256", rendered.sha256),
        ("time", f"{sum(rendered.seconds.values()):.1f} s"),
    ]
    return pairs(rows)


def session_made_text(made: SessionMade) -> RenderableType:
    """For ``vta generate --session``: what generate says, and where the takes are."""
    reused = f", {made.reused} reused" if made.reused else ""
    said = f"session  {printable(made.session)}: {counted(made.made, 'take')} made{reused}"
    then = Text(f"Hear and choose:  {command('takes', made.session)}", style="dim")
    return Group(result_text(made.dubbed), Text(said), then)


def next_text(session: Session) -> Text:
    """The command that makes a change heard."""
    return Text(f"Hear it in the film:  {command('render', session.path)}", style="dim")
