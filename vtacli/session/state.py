"""What a session holds, as plain values: scenes, their takes, what was chosen, what was asked.

Times are exact: fractions of seconds, as text in JSON. What is left at its default is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from vtacli.signal.loudness import to_db
from vtacli.timeline import Hit, Scene, Span

Stretches = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class TakeInfo:
    """One take of a scene: which file holds it, what it was made from, and how it came out.

    ``number``: from 1, in its scene. ``prompt``, ``negative``, ``seed``, ``hits``: what the model
    was asked, the film's where the scene has none of its own. ``file``: in the session's folder,
    FLAC of 24 bits at 48 kHz, ``samples`` long. ``halvings``: how often the sound was halved to
    fit in it (:mod:`vtacli.signal.coding`). ``recipe``: a digest of all that the sound depends on.
    ``guess``: what the picture was taken for. ``drawn``: recordings that were laid beneath.
    ``made_again``: a scene with no manners was made twice, and why.
    """

    number: int
    seed: int
    prompt: str | None
    negative: str | None
    hits: tuple[Hit, ...]
    file: str
    sha256: str
    samples: int
    channels: int
    recipe: str
    halvings: int = 0
    loudness_lufs: float | None = None
    true_peak_dbtp: float | None = None
    guess: str | None = None
    drawn: tuple[str, ...] = ()
    made_again: str | None = None

    @property
    def scale_db(self) -> float:
        """What the file is to be raised by: 0, or 6.02 for each halving."""
        return to_db(2.0**self.halvings)

    def to_json(self) -> dict[str, Any]:
        return _without_defaults(
            {
                "number": self.number,
                "seed": self.seed,
                "prompt": self.prompt,
                "negative": self.negative,
                "hits": hits_json(self.hits),
                "file": self.file,
                "sha256": self.sha256,
                "samples": self.samples,
                "channels": self.channels,
                "halvings": self.halvings,
                "loudness_lufs": self.loudness_lufs,
                "true_peak_dbtp": self.true_peak_dbtp,
                "guess": self.guess,
                "drawn": list(self.drawn),
                "made_again": self.made_again,
                "recipe": self.recipe,
            }
        )

    @classmethod
    def from_json(cls, said: Mapping[str, Any]) -> TakeInfo:
        """Raises KeyError, TypeError or ValueError for what is none."""
        return cls(
            number=int(said["number"]),
            seed=int(said["seed"]),
            prompt=said.get("prompt"),
            negative=said.get("negative"),
            hits=hits_of(said.get("hits", [])),
            file=str(said["file"]),
            sha256=str(said["sha256"]),
            samples=int(said["samples"]),
            channels=int(said["channels"]),
            recipe=str(said["recipe"]),
            halvings=int(said.get("halvings", 0)),
            loudness_lufs=said.get("loudness_lufs"),
            true_peak_dbtp=said.get("true_peak_dbtp"),
            guess=said.get("guess"),
            drawn=tuple(said.get("drawn", ())),
            made_again=said.get("made_again"),
        )


@dataclass(frozen=True)
class SceneState:
    """A scene as it stands. ``takes``: all that fit it, in the order of their numbers; ``chosen``:
    the number of the one that is heard, None before there is one. ``asked``: a digest of what
    ``vta generate`` last asked for it."""

    scene: Scene
    takes: tuple[TakeInfo, ...] = ()
    chosen: int | None = None
    asked: str | None = None

    @property
    def take(self) -> TakeInfo | None:
        """The chosen take."""
        return next((t for t in self.takes if t.number == self.chosen), None)

    @property
    def number(self) -> int:
        """From 1, as people count."""
        return self.scene.index + 1

    def numbered(self, take: int) -> TakeInfo | None:
        """The take of this number, None where there is none."""
        return next((t for t in self.takes if t.number == take), None)


@dataclass(frozen=True)
class HeldGains:
    """What all scenes of a mix share, held from its first rendering on: see
    :class:`vtacli.track.Held`. ``mix``: the choices that it belongs to."""

    mix: Mapping[str, Any]
    trim: float | None = None
    master: float | None = None


@dataclass(frozen=True)
class State:
    """Everything that changes in a session. ``request``: what ``vta generate`` was asked, as
    JSON values (:mod:`vtacli.session.choices`). ``model``: facts of the model that was used.
    ``seed``: of the film. ``output``: the film that is written, relative to the session where it
    lies beside it. ``held``: common gains. ``speech``: where somebody speaks in a stream of the
    film, so that ducking needs no network. ``cuts``: those found in the picture, in seconds,
    exactly; ``motion``: the hash of the file that says how it moves between them. ``written``:
    hashes of the films that the session wrote, by name, the newest first: it may replace those."""

    request: Mapping[str, Any]
    model: Mapping[str, Any]
    seed: int
    output: str
    scenes: tuple[SceneState, ...]
    held: tuple[HeldGains, ...] = ()
    speech: Mapping[int, Stretches] = field(default_factory=dict)
    cuts: tuple[str, ...] = ()
    motion: str | None = None
    written: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def with_scene(self, scene: SceneState) -> State:
        """The same with one scene replaced, by its index."""
        scenes = list(self.scenes)
        scenes[scene.scene.index] = scene
        return replace(self, scenes=tuple(scenes))

    def held_for(self, mix: Mapping[str, Any]) -> HeldGains | None:
        """The common gains of these choices."""
        return next((h for h in self.held if dict(h.mix) == dict(mix)), None)

    def holding(self, gains: HeldGains) -> State:
        """The same, with these common gains in place of those that the same choices had."""
        others = tuple(h for h in self.held if dict(h.mix) != dict(gains.mix))
        return replace(self, held=(*others, gains))

    def to_json(self) -> dict[str, Any]:
        """Takes are not in it: they are written once, when they are made."""
        return {
            "request": dict(self.request),
            "model": dict(self.model),
            "seed": self.seed,
            "output": self.output,
            "scenes": [scene_json(s) for s in self.scenes],
            "held": [
                _without_defaults({"mix": dict(h.mix), "trim": h.trim, "master": h.master})
                for h in self.held
            ],
            "speech": {str(k): [list(s) for s in v] for k, v in self.speech.items()},
            "cuts": list(self.cuts),
            "motion": self.motion,
            "written": {k: list(v) for k, v in self.written.items()},
        }

    @classmethod
    def from_json(cls, said: Mapping[str, Any], takes: Mapping[Span, list[TakeInfo]]) -> State:
        """``takes``: all that were made so far, by the span of their scene. Raises KeyError,
        TypeError or ValueError for what is no state."""
        return cls(
            request=said["request"],
            model=said["model"],
            seed=int(said["seed"]),
            output=str(said["output"]),
            scenes=tuple(_scene_of(i, s, takes) for i, s in enumerate(said["scenes"])),
            held=tuple(
                HeldGains(h["mix"], h.get("trim"), h.get("master")) for h in said.get("held", ())
            ),
            speech={
                int(k): tuple((float(a), float(b)) for a, b in v)
                for k, v in said.get("speech", {}).items()
            },
            cuts=tuple(said.get("cuts", ())),
            motion=said.get("motion"),
            written={k: tuple(v) for k, v in said.get("written", {}).items()},
        )


def scene_json(state: SceneState) -> dict[str, Any]:
    """A scene's row, and what was chosen for it."""
    scene = state.scene
    return _without_defaults(
        {
            **span_json(scene.span),
            "prompt": scene.prompt,
            "negative": scene.negative,
            "seed": scene.seed,
            "hits": hits_json(scene.hits),
            "takes": scene.takes if scene.takes != 1 else None,
            "gain_db": scene.gain_db or None,
            "mute": scene.mute,
            "lock": scene.lock,
            "chosen": state.chosen,
            "asked": state.asked,
        }
    )


def span_json(span: Span) -> dict[str, str]:
    """Exactly, in seconds."""
    return {"from": str(span.start_s), "to": str(span.end_s)}


def span_of(said: Mapping[str, Any]) -> Span:
    """The span that :func:`span_json` wrote."""
    return Span(Fraction(said["from"]), Fraction(said["to"]))


def hits_json(hits: tuple[Hit, ...]) -> list[list[Any]]:
    """(time in seconds from the film's beginning, strength) each."""
    return [[str(h.time_s), h.strength] for h in hits]


def hits_of(said: list[list[Any]]) -> tuple[Hit, ...]:
    """The hits that :func:`hits_json` wrote."""
    return tuple(Hit(Fraction(time_s), float(strength)) for time_s, strength in said)


def _scene_of(
    index: int, said: Mapping[str, Any], takes: Mapping[Span, list[TakeInfo]]
) -> SceneState:
    span = span_of(said)
    scene = Scene(
        index,
        span,
        prompt=said.get("prompt"),
        negative=said.get("negative"),
        seed=said.get("seed"),
        hits=hits_of(said.get("hits", [])),
        takes=int(said.get("takes", 1)),
        gain_db=float(said.get("gain_db", 0.0)),
        mute=bool(said.get("mute", False)),
        lock=bool(said.get("lock", False)),
    )
    return SceneState(scene, tuple(takes.get(span, ())), said.get("chosen"), said.get("asked"))


def _without_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        k: v for k, v in values.items() if v is not None and v is not False and v not in ([], {})
    }
