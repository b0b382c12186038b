"""The choices of one set of stems, checked when they are made."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from vtacli.errors import ConfigError
from vtacli.media.stem_files import StemFormat
from vtacli.naming import Naming
from vtacli.options import GenerateOptions, MixOptions

HANDLES_S = Fraction(1)
"""Room before and after a scene in a file of its own, where it is not said."""

MOST_TAKES = 999


@dataclass(frozen=True)
class StemOptions:
    """Everything that a person can ask of ``vta stems``, but the paths.

    ``prompts``: a stem each; none: one for each kind of sound that the picture suggests.
    ``seconds``: the length of a set without a film. ``per_scene``: a file for each scene, with
    ``handles_s`` seconds of room (None: :data:`HANDLES_S`). ``name``: see :mod:`vtacli.naming`.
    ``take``: its number, from 1, in names and in iXML. ``form``: of the files. ``tc_start``: the
    timecode of the first picture, in place of the film's own. ``generate``: what is asked of the
    model; its ``mix`` gives the set's gain, ceiling and width.
    """

    prompts: tuple[str, ...] = ()
    seconds: Fraction | None = None
    per_scene: bool = False
    handles_s: Fraction | None = None
    name: str = "plain"
    take: int = 1
    form: StemFormat = field(default_factory=StemFormat)
    tc_start: str | None = None
    generate: GenerateOptions = field(default_factory=GenerateOptions)

    def __post_init__(self) -> None:
        if any(not prompt.strip() for prompt in self.prompts):
            raise ConfigError("A prompt is empty. Leave the option out instead.")
        said = [prompt.strip() for prompt in self.prompts]
        for prompt in said:
            if said.count(prompt) > 1:
                raise ConfigError(
                    f"The prompt {prompt!r} is given twice, and its stems would be the same.",
                    hint="Word one of them otherwise.",
                )
        Naming(self.name)  # it refuses a template that leads anywhere
        if not 1 <= self.take <= MOST_TAKES:
            raise ConfigError(f"Takes are numbered 1 to {MOST_TAKES}, not {self.take}.")
        if self.seconds is not None and self.seconds <= 0:
            raise ConfigError(f"The length must be more than 0 s, not {float(self.seconds)}.")
        if self.handles_s is not None:
            if not self.per_scene:
                raise ConfigError(
                    "Handles are for a file per scene.", hint="Pass --per-scene as well."
                )
            if self.handles_s < 0:
                raise ConfigError(f"Handles are 0 s or more, not {float(self.handles_s)}.")

    @property
    def handle_s(self) -> Fraction:
        """The room in seconds; 0 where a file is as long as the film."""
        if not self.per_scene:
            return Fraction(0)
        return HANDLES_S if self.handles_s is None else self.handles_s

    @property
    def rate_hz(self) -> int:
        return self.form.rate_hz

    @property
    def mix(self) -> MixOptions:
        return self.generate.mix

    def with_seed(self, seed: int) -> StemOptions:
        """The same, with the seed that was drawn."""
        return replace(self, generate=replace(self.generate, seed=seed))

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "prompts": list(self.prompts),
            "seconds": None if self.seconds is None else float(self.seconds),
            "per_scene": self.per_scene,
            "handles_s": float(self.handle_s),
            "name": self.name,
            "take": self.take,
            "format": self.form.kind,
            "bits": None if self.form.lossy else self.form.bits,
            "rate_hz": self.form.rate_hz,
            "layout": self.form.layout,
            "tc_start": self.tc_start,
            "generate": self.generate.to_dict(),
        }
