"""A session as JSON values, for programs to read (the names are an interface and stay), and as a
cue sheet, for people to edit."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

from vtacli.cues.sheet import FilmFacts
from vtacli.cues.writing import write_cues
from vtacli.errors import printable
from vtacli.session.selecting import clock_of
from vtacli.session.session import Session
from vtacli.session.state import SceneState, TakeInfo


def scenes_dict(session: Session, scenes: Iterable[SceneState]) -> dict[str, Any]:
    """Scenes with their takes. Numbers count from 1."""
    times = clock_of(session)
    return {
        "session": printable(session.path),
        "output": printable(session.output),
        "seed": session.state.seed,
        "model": dict(session.state.model),
        "scenes": [
            {
                "scene": s.number,
                "start_s": float(s.scene.span.start_s),
                "end_s": float(s.scene.span.end_s),
                "exact": [str(s.scene.span.start_s), str(s.scene.span.end_s)],
                "timecodes": [times.write(s.scene.span.start_s), times.write(s.scene.span.end_s)],
                "prompt": s.scene.prompt,
                "negative": s.scene.negative,
                "seed": s.scene.seed,
                "gain_db": s.scene.gain_db,
                "mute": s.scene.mute,
                "locked": s.scene.lock,
                "chosen": s.chosen,
                "takes": [take_dict(session, t) for t in s.takes],
            }
            for s in scenes
        ],
    }


def take_dict(session: Session, take: TakeInfo) -> dict[str, Any]:
    """One take."""
    return {
        "take": take.number,
        "file": printable(session.path / take.file),
        "sha256": take.sha256,
        "samples": take.samples,
        "channels": take.channels,
        "scale_db": take.scale_db,
        "seed": take.seed,
        "prompt": take.prompt,
        "negative": take.negative,
        "hits": [{"time_s": float(h.time_s), "strength": h.strength} for h in take.hits],
        "loudness_lufs": take.loudness_lufs,
        "true_peak_dbtp": take.true_peak_dbtp,
        "guess": take.guess,
        "drawn": list(take.drawn),
        "made_again": take.made_again,
    }


def save_cues(session: Session, path: Path, overwrite: bool = False) -> None:
    """Write the scenes as they stand as a cue sheet. Raises ConfigError, OutputError."""
    facts = session.facts
    film = FilmFacts(
        Fraction(facts.duration_s),
        Fraction(facts.frame_rate),
        Path(facts.film.path).name,
        facts.starts_at,
    )
    write_cues(path, [s.scene for s in session.state.scenes], film, overwrite=overwrite)


def history_dict(session: Session) -> dict[str, Any]:
    """Every entry of the journal, without the states."""
    return {
        "session": printable(session.path),
        "history": [
            {
                "number": e.number,
                "at": e.at,
                "kind": e.kind,
                "command": e.command,
                "what": e.what,
                "undoes": e.undoes,
            }
            for e in session.history
        ],
    }
