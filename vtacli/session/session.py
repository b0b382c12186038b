"""A session on disk: ``NAME.vta/``, beside the film that it gives a sound.

::

    session.json     which film it is, and the form that the session has
    journal.jsonl    all that happened: what counts
    state.json       the journal's last state, spread out for reading
    motion.npz       how the film moves, for scenes that are made again
    takes/           a folder for each scene, a FLAC file for each take

The journal is the truth; whatever it does not name was left by a crash and is cleared away when
the session is next opened for writing.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError, StorageError
from vtacli.session.files import read_json, write_json
from vtacli.session.film import place_of
from vtacli.session.folder import (
    FACTS,
    JOURNAL,
    STATE,
    TAKES,
    WORK,
    Facts,
    check_is_ours,
    clear,
    find_session,
    folder_of,
    read_facts,
)
from vtacli.session.journal import (
    LOCK,
    PICK,
    PLAN,
    TAKE,
    UNDO,
    UNDOABLE,
    UNLOCK,
    Entry,
    Journal,
)
from vtacli.session.lock import held
from vtacli.session.state import SceneState, State, TakeInfo, span_json, span_of
from vtacli.timeline import Span


class Session:
    """Use :meth:`open`, or :meth:`begin` where there may be none yet.

    ``state`` is what holds now, ``history`` how it came about. What writes needs a session that is
    opened for writing; each change is one entry of the journal, on the disk when the call returns.
    """

    def __init__(self, path: Path, command: str) -> None:
        self.path = path
        self.command = command
        self._journal = Journal(path / JOURNAL)
        self._takes: dict[Span, list[TakeInfo]] = {}
        self.history: list[Entry] = []
        self._facts: Facts | None = None
        self._state: State | None = None
        self._read()

    @classmethod
    @contextmanager
    def open(cls, path: Path, write: bool = False, command: str = "vta") -> Iterator[Session]:
        """A session that is there. ``command``: what the journal and other processes are told.

        Raises ConfigError where there is none, or one that this version cannot read, and LockHeld
        where another process writes it.
        """
        path = find_session(path)
        if not write:
            yield _whole(cls(path, command))
            return
        with cls.begin(path, command) as session:
            yield _whole(session)

    @classmethod
    @contextmanager
    def begin(cls, path: Path, command: str) -> Iterator[Session]:
        """A session to write, new or not; what a crash left in it is cleared away.

        Raises ConfigError where the folder is something else, LockHeld where another process is at
        work on it, StorageError where it cannot be made.
        """
        check_is_ours(path)
        try:
            path.mkdir(exist_ok=True)
        except OSError as error:
            raise StorageError(
                f"The session's folder cannot be made: {error.strerror}.", path=path
            ) from error
        with held(path, command):
            session = cls(path, command)
            session._journal.mend()
            clear(path, {t.file for takes in session._takes.values() for t in takes})
            if session.exists:
                session._spread()
            try:
                yield session
            finally:
                session._clear_work()
                if not session.exists:
                    shutil.rmtree(path, ignore_errors=True)

    @property
    def exists(self) -> bool:
        """Whether there is one: not before :meth:`create` in a new folder."""
        return self._state is not None

    @property
    def facts(self) -> Facts:
        assert self._facts is not None, "the session was not created"
        return self._facts

    @property
    def state(self) -> State:
        assert self._state is not None, "the session was not created"
        return self._state

    @property
    def film(self) -> Path:
        """Where the film lies. Raises MediaError where it is gone or has changed."""
        return self.facts.film.found(self.path)

    @property
    def output(self) -> Path:
        """The film that is written where nothing else is said."""
        return place_of(self.state.output, self.path)

    @property
    def work(self) -> Path:
        """A folder for files in the making, empty when the session is opened and gone when it is
        closed."""
        folder = self.path / WORK
        folder.mkdir(exist_ok=True)
        return folder

    def take_path(self, scene: int, take: int) -> Path:
        """The file of a take; scenes and takes count from 1. Raises ConfigError."""
        return self.path / self.take(self.scene(scene), take).file

    def scene(self, number: int) -> SceneState:
        """A scene by its number, from 1. Raises ConfigError where there is none."""
        scenes = self.state.scenes
        if not 1 <= number <= len(scenes):
            raise ConfigError(
                f"There is no scene {number}: the session has {len(scenes)}.", path=self.path
            )
        return scenes[number - 1]

    def take(self, scene: SceneState, number: int) -> TakeInfo:
        """A take of a scene by its number. Raises ConfigError where there is none."""
        found = scene.numbered(number)
        if found is None:
            known = ", ".join(str(t.number) for t in scene.takes) or "none"
            raise ConfigError(
                f"Scene {scene.number} has no take {number}.", hint=f"There are: {known}."
            )
        return found

    # ---- what changes it ----

    def create(self, facts: Facts, state: State) -> None:
        """Make a new session. The journal comes last: before it there is none."""
        write_json(self.path / FACTS, facts.to_json())
        self._facts = facts
        count = len(state.scenes)
        self.commit(PLAN, f"{count} scene{'' if count == 1 else 's'} found", state)

    def move_film(self, film: Path) -> None:
        """The film lies elsewhere now. Raises MediaError where it is another."""
        film_file = self.facts.film.moved_to(film, self.path)
        if film_file != self.facts.film:
            self._facts = replace(self.facts, film=film_file)
            write_json(self.path / FACTS, self._facts.to_json())

    def next_take(self, span: Span) -> tuple[int, str]:
        """The number of a scene's next take, and its file."""
        folder = folder_of(span)
        used = [t.number for t in self._takes.get(span, ())]
        number = max(used, default=0) + 1
        return number, f"{TAKES}/{folder}/take-{number:02}.flac"

    def takes_of(self, span: Span) -> tuple[TakeInfo, ...]:
        """All takes that were ever made of a scene with these bounds."""
        return tuple(self._takes.get(span, ()))

    @property
    def loose_takes(self) -> tuple[TakeInfo, ...]:
        """Takes that were made by a command that was broken off before it chose any."""
        found: list[TakeInfo] = []
        for entry in reversed(self.history):
            if entry.state is not None:
                break
            if entry.take is not None:
                found.append(TakeInfo.from_json(entry.take))
        return tuple(found)

    def add_take(self, span: Span, take: TakeInfo) -> None:
        """A take whose file is there. Nothing is chosen by it."""
        start = next((s.number for s in self.state.scenes if s.scene.span == span), None)
        where = f" of scene {start}" if start else ""
        self._append(
            TAKE, f"take {take.number}{where} made", take=take.to_json(), span=span_json(span)
        )
        self._takes.setdefault(span, []).append(take)
        self._state = replace(
            self.state,
            scenes=tuple(
                replace(s, takes=self.takes_of(span)) if s.scene.span == span else s
                for s in self.state.scenes
            ),
        )

    def pick(self, scene: int, take: int) -> None:
        """Choose a take; both count from 1. Raises ConfigError for what is not there, and for a
        scene that is locked."""
        state = self.scene(scene)
        self.refuse_locked([state])
        self.take(state, take)
        self.commit(
            PICK,
            f"take {take} of scene {scene} picked",
            self.state.with_scene(replace(state, chosen=take)),
        )

    def lock(self, scenes: Iterable[int], locked: bool = True) -> None:
        """Lock scenes, or unlock them, by their numbers. Raises ConfigError."""
        state, numbers = self.state, sorted(set(scenes))
        for number in numbers:
            found = self.scene(number)
            row = replace(found.scene, lock=locked)
            state = state.with_scene(replace(found, scene=row))
        which = f"scene{'' if len(numbers) == 1 else 's'} {', '.join(map(str, numbers))}"
        self.commit(
            LOCK if locked else UNLOCK, f"{which} {'locked' if locked else 'unlocked'}", state
        )

    def undo(self) -> Entry:
        """Take back the last thing that a person did and has not taken back, by one more entry;
        that entry is returned. Takes stay, to be picked. Raises ConfigError where there is
        nothing."""
        undone = {e.undoes for e in self.history if e.kind == UNDO}
        candidates = [e for e in self.history if e.kind in UNDOABLE and e.number not in undone]
        before = None
        if candidates:
            last = candidates[-1]
            earlier = [e for e in self.history if e.state is not None and e.number < last.number]
            before = earlier[-1] if earlier else None
        if before is None or before.state is None or before.kind == PLAN:
            raise ConfigError("There is nothing to take back.", path=self.path)
        now, then = self.state, State.from_json(before.state, self._takes)
        state = then
        for gains in now.held:
            if then.held_for(gains.mix) is None:
                state = state.holding(gains)
        state = replace(state, speech=now.speech, written=now.written)
        return self.commit(UNDO, f"taken back: {last.what}", state, undoes=last.number)

    def commit(self, kind: str, what: str, state: State, undoes: int | None = None) -> Entry:
        """One entry: ``state`` holds from now on."""
        entry = self._append(kind, what, state=state.to_json(), undoes=undoes)
        self._state = state
        self._spread()
        return entry

    def refuse_locked(self, scenes: Iterable[SceneState]) -> None:
        """Raise ConfigError where one is locked."""
        locked = [s.number for s in scenes if s.scene.lock]
        if locked:
            names = ", ".join(map(str, locked))
            several = "s" if len(locked) > 1 else ""
            raise ConfigError(
                f"Scene{several} {names} {'are' if several else 'is'} locked.",
                path=self.path,
                hint=f"`vta lock {self.path.name} {names.replace(' ', '')} --unlock` unlocks.",
            )

    # ---- files ----

    def _append(self, kind: str, what: str, **more: Any) -> Entry:
        entry = Entry(
            number=len(self.history) + 1,
            at=datetime.now(UTC).isoformat(timespec="seconds"),
            kind=kind,
            command=self.command,
            what=what,
            **more,
        )
        self._journal.append(entry)
        self.history.append(entry)
        return entry

    def _read(self) -> None:
        if not (self.path / FACTS).is_file():
            return
        self._facts = read_facts(self.path)
        self.history = self._journal.read()
        last: Mapping[str, Any] | None = None
        try:
            for entry in self.history:
                if entry.take is not None and entry.span is not None:
                    takes = self._takes.setdefault(span_of(entry.span), [])
                    takes.append(TakeInfo.from_json(entry.take))
                last = entry.state or last
            if last is not None:
                self._state = State.from_json(last, self._takes)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ConfigError(
                f"The session's journal does not hold what it should ({error}).",
                path=self.path / JOURNAL,
            ) from error

    def _clear_work(self) -> None:
        shutil.rmtree(self.path / WORK, ignore_errors=True)

    def _spread(self) -> None:
        said = self.state.to_json()
        for row, scene in zip(said["scenes"], self.state.scenes, strict=True):
            row["takes_made"] = [t.to_json() for t in scene.takes]
        note = "For reading. journal.jsonl is what counts; this is written anew from it."
        values = {"note": note, **said}
        with suppress(FileNotFoundError, ValueError):
            if read_json(self.path / STATE) == values:
                return
        write_json(self.path / STATE, values)


def _whole(session: Session) -> Session:
    if not session.exists:
        raise ConfigError(
            "The session was never finished being made.",
            path=session.path,
            hint="Run the `vta generate` again that began it.",
        )
    return session
