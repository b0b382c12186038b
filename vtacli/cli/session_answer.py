"""How a command that changed a session answers: what it has now, and what to do next."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType

from vtacli.cli.console import Console
from vtacli.cli.session_text import next_text, rendered_text, takes_text

if TYPE_CHECKING:
    from vtacli.progress import Report
    from vtacli.session.session import Session


def answer(
    console: Console,
    session: Session,
    scenes: Iterable[int],
    report: Report,
    render: bool,
    as_json: bool,
    *,
    heard: bool = True,
) -> None:
    """``scenes``: the numbers of those that are shown. ``render``: write the film first.
    ``heard``: whether the film sounds otherwise now, and has to be written for that."""
    from vtacli.session.rendering import render as rendering
    from vtacli.session.telling import scenes_dict

    done = rendering(session, report=report) if render else None
    shown = [session.scene(n) for n in scenes]
    parts: list[RenderableType] = [takes_text(session, shown)]
    if done is not None:
        parts.append(rendered_text(done))
    elif heard:
        parts.append(next_text(session))
    said = scenes_dict(session, shown) | {"rendered": None if done is None else done.to_dict()}
    console.answer(Group(*parts), said if as_json else None)
