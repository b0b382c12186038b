"""What the review server shows and does: a session, its page, its media and its jobs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from vtacli.errors import ConfigError
from vtacli.media.probe import Footage
from vtacli.progress import Event, Report, Step
from vtacli.review.drawings import Drawings, draw_film_motion, draw_takes, draw_thumbs, draw_track
from vtacli.review.jobs import Cancelled, Jobs
from vtacli.review.model import Shown, ShownScene, ShownTake, Track
from vtacli.review.page import Media, Page
from vtacli.review.proxy import film_proxy, picture_proxy
from vtacli.timecode import Timecode

QUICK_S = 1.5
"""How long an answer waits for a job that is likely to be short."""
MOST_TAKES = 9
LONGEST_PROMPT = 500
LARGEST_SEED = 2**53 - 1
"""The largest whole number that a page can tell from the next one."""
KEPT_FILMS = 4


class Source(Protocol):
    """A session as the desk needs it. What changes it takes its lock, and raises LockHeld where
    another process has it."""

    footage: Footage
    start: Timecode | None

    def stamp(self) -> str:
        """Changes when the session does; cheap."""

    def read(self) -> Shown:
        """As it stands."""

    def sound_stamp(self) -> str:
        """Changes when the film's track does."""

    def write_track(self, path: Path, report: Report) -> Track:
        """The film's new track as a WAV file."""

    def pick(self, scene: int, take: int) -> str: ...

    def lock(self, scene: int, locked: bool) -> str: ...

    def undo(self) -> str: ...

    def redo(self, scene: int, takes: int, asked: Mapping[str, Any], report: Report) -> str:
        """``asked``: prompt, negative, seed; what is not in it is as the scene has it."""

    def render(self, report: Report) -> str: ...


@dataclass(frozen=True)
class Film:
    """A copy of the film with the track of one state. ``number``: part of its address."""

    number: int
    path: Path
    sound: str


class Desk:
    """Everything behind the page. ``work``: a folder for copies. ``tell``: hears what was done."""

    def __init__(self, source: Source, work: Path, tell: Report) -> None:
        self._source, self._work = source, work
        self._reading = threading.Lock()
        self._stamp, self._shown = "", source.read()
        self._drawings, self._drawn = Drawings(), 0
        self._films: list[Film] = []
        self._numbers = 0
        self._spans: tuple[Any, ...] = ()
        self._levels: Mapping[int, float] = {}
        self._stuck = ""
        self._making = ""
        self.jobs = Jobs(self._prepare, tell)

    # what is shown

    def shown(self) -> Shown:
        """The session as it is now. It is read again where it has changed."""
        with self._reading:
            stamp = self._source.stamp()
            if stamp != self._stamp:
                self._shown = self._source.read()
                self._stamp = stamp
                self.jobs.wake()
            return self._shown

    def html(self) -> str:
        shown = self.shown()
        return self._page(shown, {**self._versions(), "told": self.jobs.said.number}).html()

    def lanes(self) -> str:
        return self._page(self.shown()).part("lanes")

    def parts(self) -> dict[str, Any]:
        """The parts of the page that a changed session changes."""
        page = self._page(self.shown())
        names = ("inspector", "table", "facts")
        data = {k: v for k, v in page.data().items() if k != "film"}
        return {"data": data, **{name: page.part(name) for name in names}}

    def state(self) -> dict[str, Any]:
        """What the page asks about every moment."""
        shown, said = self.shown(), self.jobs.said
        waiting = self.jobs.waiting()
        return {
            **self._versions(),
            "film": self._film_address(),
            "making": self._making,
            "undo": shown.undo,
            "busy": bool(waiting),
            "jobs": [job.to_dict() for job in waiting],
            "told": said.number,
            "said": said.text,
            "bad": said.bad,
        }

    def take_file(self, scene: int, take: int) -> Path | None:
        found = self._take(scene, take)
        return found.sound if found else None

    def film_file(self, number: int) -> Path | None:
        return next((f.path for f in list(self._films) if f.number == number), None)

    # what is asked

    def ask(self, what: str, body: Mapping[str, Any]) -> None:
        """Line up what a button asks for. Raises ConfigError for what cannot be."""
        if what == "cancel":
            if not self.jobs.cancel(_whole(body, "job", 1, 2**31)):
                raise ConfigError("This has ended already.")
            return
        job = self.jobs.add(*self._job(what, body))
        job.done.wait(QUICK_S if what not in ("redo", "render") else 0.0)

    def _job(self, what: str, body: Mapping[str, Any]) -> tuple[str, Callable[[Report], str]]:
        source = self._source
        if what == "undo":
            return "Undo", lambda report: source.undo()
        if what == "render":
            return "Render the film", source.render
        if what not in ("pick", "lock", "unlock", "redo"):
            raise ConfigError("There is no such thing to do.")
        scene = _whole(body, "scene", 1, len(self.shown().scenes))
        if what == "pick":
            take = _whole(body, "take", 1, 10**6)
            if self._take(scene, take) is None:
                raise ConfigError(f"Scene {scene} has no take {take}.")
            return f"Pick take {take} of scene {scene}", lambda report: source.pick(scene, take)
        if what == "redo":
            takes = _whole(body, "takes", 1, MOST_TAKES) if "takes" in body else 1
            asked = _asked(body, self.shown().scenes[scene - 1])
            return f"Redo scene {scene}", partial(_redo, source, scene, takes, asked)
        name = f"{what.capitalize()} scene {scene}"
        return name, lambda report: source.lock(scene, what == "lock")

    # what is made while nothing is asked for

    def _prepare(self, report: Report) -> bool:
        """The next thing that the page lacks. Whether there was one. What fails is not tried again
        before the session has changed."""
        shown = self.shown()
        if self._stuck == self._stamp:
            return False
        stamp = self._stamp
        try:
            return self._next(shown, report)
        except Cancelled:
            raise
        except BaseException:
            self._stuck = stamp
            raise
        finally:
            self._making = ""

    def _next(self, shown: Shown, report: Report) -> bool:
        picture = self._work / "picture.mp4"
        spans = tuple((s.number, s.span) for s in shown.scenes)
        takes = [t for s in shown.scenes for t in s.takes]
        if not picture.exists():
            self._make_picture(picture, report)
        elif spans != self._spans:
            self._draw(thumbs=draw_thumbs(shown, picture))
            self._spans = spans
        elif any(t.sound not in self._drawings.outlines for t in takes):
            self._draw(outlines=draw_takes(takes, self._drawings.outlines))
        elif self._source.sound_stamp() != self._newest:
            self._make_film(picture, shown, report)
        elif self._drawings.motion is None:
            motion = draw_film_motion(shown, self._source.footage, report)
            self._draw(motion=motion)
        else:
            return False
        return True

    def _make_picture(self, picture: Path, report: Report) -> None:
        part = picture.with_suffix(".part.mp4")

        def said(event: Event) -> None:
            report(event)
            if isinstance(event, Step) and event.total:
                share = f"{100 * event.done / event.total:.0f} %"
                self._making = f"Making a small copy of the film: {share}"

        self._making = "Making a small copy of the film …"
        picture_proxy(self._source.footage, part, report=said)
        part.replace(picture)

    def _make_film(self, picture: Path, shown: Shown, report: Report) -> None:
        number = self._numbers = self._numbers + 1
        track, path = self._work / "track.wav", self._work / f"film-{number}.mp4"
        self._making = "Laying the takes under the film …"
        try:
            written = self._source.write_track(track, report)
            film_proxy(picture, track, path, shown.duration_s, report)
            wave, colours = draw_track(track)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        self._draw(wave=wave, spectrogram=colours)
        self._levels = written.levels
        self._films.append(Film(number, path, written.stamp))
        while len(self._films) > KEPT_FILMS:
            self._films.pop(0).path.unlink(missing_ok=True)

    def _draw(self, **drawn: Any) -> None:
        self._drawings = replace(self._drawings, **drawn)
        self._drawn += 1

    # the page

    @property
    def _newest(self) -> str:
        return self._films[-1].sound if self._films else ""

    def _film_address(self) -> str | None:
        return f"media/film/{self._films[-1].number}" if self._films else None

    def _versions(self) -> dict[str, str]:
        films = self._films[-1].number if self._films else 0
        page = f"{self._stamp}-{len(self._drawings.outlines)}-{films}"
        return {"page": page, "lanes": f"{page}-{self._drawn}"}

    def _page(self, shown: Shown, extra: Mapping[str, Any] | None = None) -> Page:
        address = self._film_address()
        return Page(
            shown,
            self._drawings,
            Media(address, "video/mp4") if address else None,
            {
                (s.number, t.number): Media(
                    f"media/take/{s.number}/{t.number}/{_name_of(t)}", "audio/flac"
                )
                for s in shown.scenes
                for t in s.takes
            },
            self._source.footage.frame_rate,
            self._source.start,
            self._levels,
            live=True,
            extra=extra,
        )

    def _take(self, scene: int, take: int) -> ShownTake | None:
        takes = [t for s in self.shown().scenes if s.number == scene for t in s.takes]
        return next((t for t in takes if t.number == take), None)


def _redo(source: Source, scene: int, takes: int, asked: Mapping[str, Any], report: Report) -> str:
    return source.redo(scene, takes, asked, report)


def _name_of(take: ShownTake) -> str:
    """Of its content, so that a browser may keep what it was given."""
    return take.digest[:16]


def _whole(body: Mapping[str, Any], name: str, least: int, most: int) -> int:
    value = body.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
        raise ConfigError(f"{name.capitalize()} is a number from {least} to {most}.")
    return value


def _asked(body: Mapping[str, Any], scene: ShownScene) -> dict[str, Any]:
    """What a redo is asked for. What is left empty, and was, is not asked for."""
    asked: dict[str, Any] = {}
    for name, before in (("prompt", scene.prompt), ("negative", scene.negative)):
        text = body.get(name, "")
        if not isinstance(text, str) or len(text) > LONGEST_PROMPT or not text.isprintable():
            raise ConfigError(f"The {name} is a line of at most {LONGEST_PROMPT} characters.")
        if text.strip():
            asked[name] = text.strip()
        elif before and name in body:
            raise ConfigError(
                f"An empty {name} asks for nothing.",
                hint="Write another, or undo to what it was before.",
            )
    if "seed" in body:
        asked["seed"] = _whole(body, "seed", 0, LARGEST_SEED)
    return asked
