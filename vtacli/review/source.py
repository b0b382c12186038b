"""A session as the page needs it: read without its lock, written with it, one change at a time."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vtacli.errors import printable
from vtacli.media.audio import write_wav
from vtacli.media.probe import probe
from vtacli.media.start_timecode import start_timecode
from vtacli.models import ModelHandle
from vtacli.progress import Report, Step, ignore
from vtacli.review.model import Shown, ShownScene, ShownTake, Track, labels
from vtacli.session.folder import FACTS, JOURNAL, find_session
from vtacli.session.journal import PLAN, UNDO, UNDOABLE
from vtacli.session.redo import redo
from vtacli.session.rendering import finished_track, render
from vtacli.session.session import Session
from vtacli.session.state import SceneState, State, TakeInfo
from vtacli.signal.loudness import to_db
from vtacli.timecode import Timecode, standard_rate

COMMAND = "vta review"


class SessionSource:
    """``find_model``: gives the session's model, when one is needed for the first time. ``film``:
    where the session's film lies now, if it was moved.

    Raises ConfigError where there is no session, MediaError where its film is gone or changed.
    """

    def __init__(
        self,
        path: Path,
        find_model: Callable[[State], ModelHandle] | None = None,
        film: Path | None = None,
        report: Report = ignore,
    ) -> None:
        self.path = find_session(path)
        if film is not None:
            with self._writing() as session:
                session.move_film(film)
        with Session.open(self.path) as session:
            self.footage = probe(session.film)
            said = session.facts.starts_at
        rate = standard_rate(self.footage.frame_rate)
        self.start = (
            Timecode.parse(said, rate) if said else start_timecode(self.footage, None, report)
        )
        self._find_model = find_model
        self._model: ModelHandle | None = None
        self._sound = ""

    def stamp(self) -> str:
        """Of the journal, which every change makes longer."""
        found = [(self.path / name).stat() for name in (FACTS, JOURNAL)]
        return "-".join(f"{s.st_size:x}.{s.st_mtime_ns:x}" for s in found)

    def read(self) -> Shown:
        """The session as it stands. Raises ConfigError for one that cannot be read."""
        with Session.open(self.path) as session:
            self._sound = _sound_stamp(session.state)
            return self._shown(session)

    def sound_stamp(self) -> str:
        """Of all that is heard in the film, when it was last read."""
        return self._sound

    def write_track(self, path: Path, report: Report) -> Track:
        """The track of the chosen takes, as it would be rendered. Raises MediaError, StorageError,
        ConfigError where a scene has no take."""
        with (
            Session.open(self.path) as session,
            finished_track(session, path.parent, _steps_of(report)) as track,
        ):
            write_wav(
                path,
                track.blocks(),
                rate_hz=track.foley.rate_hz,
                channels=track.channels,
                length=len(track.foley),
            )
            common = track.gains.mix * (track.master.gain if track.master else 1.0)
            levels = {
                p.scene.index + 1: to_db(p.gain * common) for p in track.foley.scenes if p.gain > 0
            }
            return Track(levels, _sound_stamp(session.state))

    def pick(self, scene: int, take: int) -> str:
        with self._writing() as session:
            session.pick(scene, take)
            return _said(session)

    def lock(self, scene: int, locked: bool) -> str:
        with self._writing() as session:
            session.lock([scene], locked)
            return _said(session)

    def undo(self) -> str:
        with self._writing() as session:
            session.undo()
            return _said(session)

    def redo(self, scene: int, takes: int, asked: Mapping[str, Any], report: Report) -> str:
        with self._writing() as session:
            if self._model is None:
                assert self._find_model is not None
                self._model = self._find_model(session.state)
            made = redo(session, [scene], **asked, takes=takes, model=self._model, report=report)
        numbers = ", ".join(str(t.number) for t in made)
        return f"Scene {scene} has {'new takes' if len(made) > 1 else 'a new take'}: {numbers}."

    def render(self, report: Report) -> str:
        with self._writing() as session:
            done = render(session, report=report)
        lufs = done.loudness.integrated_lufs
        return f"{printable(done.output.name)} is written, at {lufs:.1f} LUFS."

    @contextmanager
    def _writing(self) -> Iterator[Session]:
        with Session.open(self.path, write=True, command=COMMAND) as session:
            yield session

    def _shown(self, session: Session) -> Shown:
        state, facts = session.state, session.facts
        return Shown(
            title=session.path.name.removesuffix(".vta"),
            session=session.path,
            film=self.footage.path,
            duration_s=self.footage.duration_s,
            scenes=tuple(self._scene(session, s) for s in state.scenes),
            facts=(
                ("film", printable(Path(facts.film.path).name)),
                ("model", str(state.model.get("name", ""))),
                ("session", printable(session.path.name)),
            ),
            undo=_undoable(session),
        )

    def _scene(self, session: Session, state: SceneState) -> ShownScene:
        scene, asked = state.scene, session.state.request
        start, end = labels(scene.span, self.start)
        prompt = asked.get("prompt") if scene.prompt is None else scene.prompt
        guesses = {t.guess for t in state.takes if t.prompt is None}
        guess = guesses.pop() if len(guesses) == 1 and prompt is None else None
        return ShownScene(
            number=state.number,
            span=scene.span,
            start_label=start,
            end_label=end,
            takes=tuple(_take(session, state, t, guess) for t in state.takes),
            chosen=state.chosen,
            prompt=prompt,
            negative=asked.get("negative") if scene.negative is None else scene.negative,
            seed=scene.seed,
            hits=scene.hits,
            gain_db=scene.gain_db,
            mute=scene.mute,
            lock=scene.lock,
            guess=guess,
        )


def _take(session: Session, state: SceneState, take: TakeInfo, known: str | None) -> ShownTake:
    told = take.guess is not None and take.prompt is None and take.guess != known
    guess = f"looks like {take.guess}" if told else ""
    drawn = f"drawn from {', '.join(take.drawn)}" if take.drawn else ""
    name = shlex.quote(printable(session.path.name))
    return ShownTake(
        number=take.number,
        sound=session.path / take.file,
        seed=take.seed,
        prompt=take.prompt,
        negative=take.negative,
        hits=take.hits,
        loudness_lufs=take.loudness_lufs,
        true_peak_dbtp=take.true_peak_dbtp,
        remark="; ".join(words for words in (guess, drawn, take.made_again) if words),
        pick=f"vta pick {name} {state.number} {take.number}",
        digest=take.sha256,
        scale_db=take.scale_db,
    )


def _steps_of(report: Report) -> Report:
    """What mixing has to say was said when the film was rendered."""
    return lambda event: report(event) if isinstance(event, Step) else None


def _undoable(session: Session) -> str | None:
    """What :meth:`Session.undo` would take back, None where it would refuse."""
    undone = {e.undoes for e in session.history if e.kind == UNDO}
    done = [e for e in session.history if e.kind in UNDOABLE and e.number not in undone]
    if not done:
        return None
    before = [e for e in session.history if e.state is not None and e.number < done[-1].number]
    return done[-1].what if before and before[-1].kind != PLAN else None


def _said(session: Session) -> str:
    """What was just written in the journal, as a sentence."""
    what = session.history[-1].what
    return f"{what[:1].upper()}{what[1:]}."


def _sound_stamp(state: State) -> str:
    """Of whatever the film's track is made from."""
    values = [
        state.request.get("mix"),
        [[dict(h.mix), h.trim, h.master] for h in state.held],
        [[k, list(v)] for k, v in state.speech.items()],
        [
            [str(s.scene.span), s.scene.mute, s.scene.gain_db, s.take.sha256 if s.take else None]
            for s in state.scenes
        ],
    ]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]
