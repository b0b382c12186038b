"""The audition page from its templates: one file, no address in it but its own media."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from math import isfinite
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

from vtacli.review.drawings import COLUMNS, TAKE_COLUMNS, Drawings
from vtacli.review.model import Shown, clock
from vtacli.review.spectrogram import MARKS_HZ, height_of
from vtacli.signal.loudness import from_db
from vtacli.timecode import Timecode

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Media:
    """Where the page finds a sound or a film: ``embedded`` in itself, in base64 under ``name``, or
    at ``name``, an address relative to the page."""

    name: str
    kind: str
    embedded: str | None = None

    def to_dict(self) -> dict[str, str]:
        where = "src" if self.embedded is None else "embed"
        return {where: self.name, "type": self.kind}

    @classmethod
    def embed(cls, name: str, file: Path, kind: str) -> Media:
        """The file's bytes as they are now."""
        return cls(name, kind, base64.b64encode(file.read_bytes()).decode())


@dataclass(frozen=True)
class Page:
    """What the page is made of. ``takes``: media by (scene, take). ``start``: the timecode of the
    film's first picture. ``levels``: the gain of each scene's takes in the film, in dB by its
    number. ``extra``: more for the page's program to know, where it is live."""

    shown: Shown
    drawings: Drawings
    film: Media | None
    takes: Mapping[tuple[int, int], Media]
    frame_rate: Fraction
    start: Timecode | None = None
    levels: Mapping[int, float] = field(default_factory=dict)
    live: bool = False
    extra: Mapping[str, Any] | None = None

    def html(self) -> str:
        """The whole page."""
        return _template("page.html").render(
            **self._words(),
            policy=policy(self.live, linked=self._linked),
            css=Markup(css()),
            js=Markup(program(self.live)),
            data={**self.data(), **(self.extra or {})},
            duration=float(self.shown.duration_s),
            marks=_marks(),
            embedded=[
                (m.name, m.embedded)
                for m in [*([self.film] if self.film else []), *self.takes.values()]
                if m.embedded is not None
            ],
        )

    def part(self, name: str) -> str:
        """One of the parts that change: ``inspector``, ``table``, ``lanes`` or ``facts``."""
        return _template(f"{name}.html").render(**self._words())

    def data(self) -> dict[str, Any]:
        """What the page's program knows, as JSON values."""
        return {
            "duration": float(self.shown.duration_s),
            "rate": [self.frame_rate.numerator, self.frame_rate.denominator],
            "start": self.start.frames if self.start else None,
            "drop": bool(self.start and self.start.drop_frame),
            "film": self.film.to_dict() if self.film else None,
            "scenes": [
                {
                    "n": s.number,
                    "start": float(s.span.start_s),
                    "end": float(s.span.end_s),
                    "chosen": s.chosen,
                    "lock": s.lock,
                    "mute": s.mute,
                    "gain": round(from_db(self.levels.get(s.number, s.gain_db)), 4),
                    "takes": [
                        {
                            "n": t.number,
                            "media": self.takes[s.number, t.number].to_dict(),
                            "raise": round(from_db(t.scale_db), 4) if self.live else 1,
                        }
                        for t in s.takes
                        if (s.number, t.number) in self.takes
                    ],
                }
                for s in self.shown.scenes
            ],
        }

    @property
    def _linked(self) -> bool:
        return self.film is not None and self.film.embedded is None

    def _words(self) -> dict[str, Any]:
        shown, drawings, total = self.shown, self.drawings, self.shown.duration_s
        return {
            "shown": shown,
            "live": self.live,
            "facts": [("length", clock(total)), *shown.facts],
            "thumbs": drawings.thumbs,
            "wave": drawings.wave,
            "spectrogram": drawings.spectrogram,
            "motion": drawings.motion,
            "share": lambda time_s: f"{float(time_s / total):.6f}",
            "outlines": drawings.outlines,
            "columns": COLUMNS - 1,
            "outline_columns": TAKE_COLUMNS - 1,
            "hits": [
                (float(hit.time_s / total), hit.strength) for s in shown.scenes for hit in s.hits
            ],
        }


def policy(live: bool, linked: bool = False) -> str:
    """The page's Content-Security-Policy: its own style and program by their hashes, and no
    address but what it brings along (or, live, its own server)."""
    media = "'self'" if live else ("'self' file:" if linked else "blob:")
    return "; ".join(
        [
            "default-src 'none'",
            f"script-src {_hash(program(live))}",
            f"style-src {_hash(css())}",
            "img-src data:",
            f"media-src {media}",
            "connect-src 'self'" if live else "connect-src 'none'",
            "form-action 'none'",
            "base-uri 'none'",
        ]
    )


@lru_cache(maxsize=1)
def css() -> str:
    """The page's style."""
    return (HERE / "page.css").read_text(encoding="utf-8")


@lru_cache(maxsize=2)
def program(live: bool) -> str:
    """The page's program, with the part that talks to the server where it is live."""
    names = ["page.js", "live.js"] if live else ["page.js"]
    return "".join((HERE / name).read_text(encoding="utf-8") for name in names)


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


@lru_cache(maxsize=1)
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        level=_level,
        seconds=lambda s: f"{float(s):.2f} s",
        b64=lambda data: base64.b64encode(data).decode(),
    )
    return made


def _template(name: str) -> Template:
    return _environment().get_template(name)


def _level(value: float | None) -> str:
    """A loudness or a peak; a dash for silence, and for what is too short to have one."""
    return "–" if value is None or not isfinite(value) else f"{value:.1f}".replace("-", "−")


def _marks() -> Sequence[tuple[str, float]]:
    """Names of frequencies in kHz, and how far below the top they stand, in percent."""
    return [(f"{hz / 1000:g}", round(100 * (1 - height_of(hz)), 2)) for hz in MARKS_HZ]
