"""The choices of one run: frozen, checked once when they are made, saved with what they made.

Facts about weights are not here (see :mod:`vtacli.model.variants`): a choice left at None means
the variant's own default.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from fractions import Fraction
from math import isfinite
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError, printable

DEVICES = ("auto", "cpu", "cuda", "mps")
"""Kinds; one of several is named with its number, as in ``cuda:1``."""
DTYPES = ("auto", "float32", "float16", "bfloat16")
AUDIO_MODES = ("auto", "mix", "replace", "add")
DETECTORS = ("adaptive", "content", "threshold", "hash", "histogram")
CODECS = ("auto", "aac", "alac", "flac", "opus", "pcm")
QUALITIES = ("draft", "normal", "best")
DEFAULT_MODEL = "vta-mini"
REFERENCE_STRENGTH = 0.3
"""How near to keep to references, where it is not said."""
PROGRAMMES = ("ebu-r128", "atsc-a85", "netflix", "streaming", "podcast")
"""The names of :data:`vtacli.signal.specs.SPECS`, here for --help, which must be instant."""
DUCK_ATTACK_MS, DUCK_RELEASE_MS = 100.0, 500.0
"""How fast foley gives way to speech, and comes back, where it is not said."""
RATE_HZ = 48_000
"""The rate of every track that is written: the one that film uses."""


@dataclass(frozen=True)
class SceneOptions:
    """Where scenes begin. ``mode`` is ``"auto"`` (found cuts), ``"off"`` (one scene) or a file.

    ``threshold`` is in the detector's own unit; None is the detector's default.
    """

    mode: str | Path = "auto"
    min_scene_s: Fraction = Fraction(1)
    detector: str = "adaptive"
    threshold: float | None = None

    def __post_init__(self) -> None:
        _one_of("detector", self.detector, DETECTORS)
        _at_least("min scene", self.min_scene_s, 0)
        if self.threshold is not None:
            _at_least("threshold", self.threshold, 0)
        if isinstance(self.mode, str) and self.mode not in ("auto", "off"):
            raise ConfigError(f"scenes are auto, off or a file, not {self.mode!r}.")
        if self.mode != "auto" and self.threshold is not None:
            raise ConfigError("A threshold needs --scenes auto: nothing else looks for cuts.")

    def to_dict(self) -> dict[str, Any]:
        return _plain(self)


@dataclass(frozen=True)
class MixOptions:
    """What the new track is, and how loud.

    ``mode``: ``"mix"`` is foley with the film's sound, ``"replace"`` foley instead of it,
    ``"add"`` foley as one more track, ``"auto"`` mix where the film has sound. ``gain_db`` is
    the foley's, ``ceiling_dbtp`` the true peak that nothing exceeds.

    ``duck_db``: by how much foley is lowered while somebody speaks in the film's own sound, over
    ``duck_attack_ms`` before and ``duck_release_ms`` after; None: not at all. ``dialogue``: the
    stream that is listened to; None: the one that says that it is dialogue, or the one that is
    mixed with. ``loudness``: what the whole programme is brought to, a name or a number of LUFS
    (see :mod:`vtacli.signal.specs`), or ``"none"``. ``width`` in [0, 1]: of foley in stereo.
    """

    mode: str = "auto"
    gain_db: float = 0.0
    ceiling_dbtp: float = -1.0
    codec: str = "auto"
    duck_db: float | None = None
    duck_attack_ms: float | None = None
    duck_release_ms: float | None = None
    dialogue: int | None = None
    loudness: str = "none"
    width: float = 0.0

    def __post_init__(self) -> None:
        _one_of("audio", self.mode, AUDIO_MODES)
        _one_of("codec", self.codec, CODECS)
        _between("gain", self.gain_db, -60, 40, "dB")
        _between("ceiling", self.ceiling_dbtp, -60, 0, "dBTP")
        _between("width", self.width, 0, 1)
        self._check_ducking()

    def _check_ducking(self) -> None:
        if self.duck_db is None:
            for name in ("duck_attack_ms", "duck_release_ms", "dialogue"):
                if getattr(self, name) is not None:
                    flag = "--" + name.removesuffix("_ms").replace("_", "-")
                    raise ConfigError(
                        f"{flag} says how foley gives way to speech, and nothing asks it to.",
                        hint=f"Add --duck DB, or leave out {flag}.",
                    )
            return
        _between("ducking", self.duck_db, 0, 60, "dB")
        if self.duck_attack_ms is not None:
            _between("attack", self.duck_attack_ms, 1, 10_000, "ms")
        if self.duck_release_ms is not None:
            _between("release", self.duck_release_ms, 1, 10_000, "ms")
        if self.dialogue is not None:
            _at_least("dialogue stream", Fraction(self.dialogue), 0)
        if self.mode == "replace":
            raise ConfigError(
                "With --audio replace there is no speech of the film left to give way to.",
                hint="Leave out --duck, or use --audio mix or add.",
            )

    def to_dict(self) -> dict[str, Any]:
        return _plain(self)


@dataclass(frozen=True)
class GenerateOptions:
    """Everything that a person can ask of ``vta generate``, but the two paths.

    ``seed`` None: one is drawn, and reported. ``crossfade_s``: between windows of one scene.
    ``hits``: a file of moments that must be heard. ``cues``: a cue sheet, which says where scenes
    begin and what is asked of each. ``guidance``, ``motion_scale`` and
    ``hits_scale``: how strictly the words (or the picture), its motion and the hits are followed;
    0 leaves one out. ``draft``: whether recordings may be laid beneath the sound. ``references``:
    recordings of the user's own to be laid, ``reference_strength`` in [0, 1] how near to keep to
    them (None: :data:`REFERENCE_STRENGTH`). ``manners``: whether a scene that comes out as speech
    or music without having been asked to is made again. ``provenance``: whether what is written
    says in its metadata that the sound was generated, and how. ``takes``: of each scene that does
    not say how many, for a session to keep.
    """

    prompt: str | None = None
    negative: str | None = None
    model: str = DEFAULT_MODEL
    hits: Path | None = None
    cues: Path | None = None
    seed: int | None = None
    steps: int | None = None
    guidance: float | None = None
    motion_scale: float | None = None
    hits_scale: float | None = None
    draft: bool = True
    references: tuple[Path, ...] = ()
    reference_strength: float | None = None
    manners: bool = True
    quality: str = "normal"
    sampler: str | None = None
    device: str = "auto"
    dtype: str = "auto"
    batch_size: int = 4
    crossfade_s: Fraction = Fraction(1)
    scenes: SceneOptions = field(default_factory=SceneOptions)
    mix: MixOptions = field(default_factory=MixOptions)
    overwrite: bool = False
    provenance: bool = True
    takes: int = 1

    def __post_init__(self) -> None:
        _between("number of takes", self.takes, 1, 999)
        _one_of("device", re.sub(r"(?<=^cuda):\d{1,2}$", "", self.device), DEVICES)
        _one_of("dtype", self.dtype, DTYPES)
        if self.seed is not None:
            _between("seed", self.seed, 0, 2**63 - 1)
        if self.steps is not None:
            _between("steps", self.steps, 1, 1000)
        _one_of("quality", self.quality, QUALITIES)
        for name in ("guidance", "motion_scale", "hits_scale"):
            scale = getattr(self, name)
            if scale is not None:
                _between(name.replace("_", " "), scale, 0, 100)
        self._check_references()
        self._check_cues()
        _between("batch size", self.batch_size, 1, 1024)
        _at_least("crossfade", self.crossfade_s, 0)
        if not self.model:
            raise ConfigError("The model's name is empty.")
        for name in ("prompt", "negative"):
            text = getattr(self, name)
            if text is not None and not text.strip():
                raise ConfigError(f"The {name} is empty. Leave the option out instead.")

    def _check_references(self) -> None:
        if self.reference_strength is not None:
            _between("reference strength", self.reference_strength, 0, 1)
            if not self.references:
                raise ConfigError(
                    "A strength needs a reference.",
                    hint="Give one with --reference FILE, or leave the strength out.",
                )
        if self.references and not self.draft:
            raise ConfigError(
                "A reference is laid as the draft.", hint="Leave out --no-draft, or the reference."
            )

    def _check_cues(self) -> None:
        if self.cues is None:
            return
        for flag, said in (
            ("--scenes", self.scenes.mode != "auto"),
            ("--threshold", self.scenes.threshold is not None),
            ("--hits", self.hits is not None),
        ):
            if said:
                raise ConfigError(
                    f"A cue sheet says where scenes and hits are, and so does {flag}.",
                    hint=f"Leave out {flag}, or --cues.",
                )

    def to_dict(self) -> dict[str, Any]:
        return _plain(self)


def _one_of(what: str, value: str, known: Iterable[str]) -> None:
    known = tuple(known)
    if value not in known:
        near = get_close_matches(value, known, 1)
        hint = f"Did you mean {near[0]}?" if near else f"It is one of: {', '.join(known)}."
        raise ConfigError(f"There is no {what} {value!r}.", hint=hint)


def _between(what: str, value: float, low: float, high: float, unit: str = "") -> None:
    if not (isfinite(value) and low <= value <= high):
        raise ConfigError(
            f"The {what} must be between {low} and {high}{' ' + unit if unit else ''}, not {value}."
        )


def _at_least(what: str, value: float | Fraction, low: float) -> None:
    if not (isfinite(value) and value >= low):
        raise ConfigError(f"The {what} must be {low} or more, not {value}.")


def _plain(options: Any) -> dict[str, Any]:
    """Fields as JSON values: fractions as floats, paths on one line."""
    out: dict[str, Any] = {}
    for f in fields(options):
        value = getattr(options, f.name)
        if isinstance(value, (SceneOptions, MixOptions)):
            value = value.to_dict()
        elif isinstance(value, Fraction):
            value = float(value)
        elif isinstance(value, Path):
            value = printable(value)
        elif isinstance(value, tuple):
            value = [printable(v) for v in value]
        out[f.name] = value
    return out
