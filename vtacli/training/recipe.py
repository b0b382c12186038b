"""A recipe: what is trained, on what, for how long. One TOML file, checked before any work."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError
from vtacli.training.loop import Schedule

STAGES = (
    "codec",
    "decoder",
    "texture",
    "vocoder",
    "attacks",
    "bank",
    "windows",
    "denoiser",
    "few_steps",
)


@dataclass(frozen=True)
class CodecRecipe:
    """``speed``: half of the excerpts are played up to so many times faster or slower. ``again``:
    how much a second coding counts beside the first."""

    schedule: Schedule
    batch: int = 16
    excerpt_samples: int = 40_960
    kl_weight: float = 3e-4
    speed: float = 1.0
    again: float = 0.0
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DecoderRecipe:
    """The codec's decoder, on noisy latents; a schedule of no steps leaves it as the codec's stage
    made it. ``latent_noise``: the most, as a share of each channel's deviation."""

    schedule: Schedule = field(default_factory=lambda: Schedule(steps=0))
    batch: int = 16
    excerpt_samples: int = 40_960
    latent_noise: float = 0.2


@dataclass(frozen=True)
class TextureRecipe:
    """``width`` and ``depth`` of the network; a schedule of no steps leaves the texture out.
    ``latent_noise``: as in :class:`DecoderRecipe`."""

    schedule: Schedule = field(default_factory=lambda: Schedule(steps=0))
    batch: int = 16
    excerpt_samples: int = 40_960
    width: int = 160
    depth: int = 4
    latent_noise: float = 0.0


@dataclass(frozen=True)
class VocoderRecipe:
    schedule: Schedule
    batch: int = 16
    excerpt_samples: int = 16_640
    coded_share: float = 0.5
    tone_steps: int = 0
    project: bool = False
    tones_down: float = 0.0
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class AttacksRecipe:
    """The vocoder's attack gains, ``gains`` in a frame of 10 ms, the rest of the vocoder frozen; a
    schedule of no steps leaves them out. ``coded_share``: as in :class:`VocoderRecipe`."""

    schedule: Schedule = field(default_factory=lambda: Schedule(steps=0))
    batch: int = 16
    excerpt_samples: int = 16_640
    coded_share: float = 0.5
    gains: int = 8


@dataclass(frozen=True)
class BankRecipe:
    """``nibbles``: the share of latent channels, those that matter least to the mel, of which the
    bank keeps four bits a value instead of eight."""

    nibbles: float = 0.0


@dataclass(frozen=True)
class WindowsRecipe:
    count: int = 8000


@dataclass(frozen=True)
class DenoiserRecipe:
    """``near_draft``: the share of a batch whose noise is drawn evenly from none to
    ``near_draft_noise``, where sampling runs that begins near a draft; the rest is logit-normal.
    ``mel_weight``: how far errors are weighed by what they do to the decoded mel, 0 to 1.
    ``bfloat16``: the network's products in bfloat16, a third shorter where a processor has it."""

    schedule: Schedule
    batch: int = 24
    drop_words: float = 0.1
    drop_control: float = 0.1
    drop_both: float = 0.05
    drop_draft: float = 0.33
    same_draft: float = 0.0
    near_draft: float = 0.0
    near_draft_noise: float = 0.55
    mel_weight: float = 0.0
    bfloat16: bool = False
    sizes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class FewStepsRecipe:
    """The distilled denoiser of ``steps`` steps: a schedule of no steps leaves it out. ``windows``:
    how many of the teacher's ways, of ``teacher_steps`` (a multiple of ``steps``), it learns."""

    schedule: Schedule = field(default_factory=lambda: Schedule(steps=0))
    steps: int = 4
    teacher_steps: int = 20
    windows: int = 1000
    batch: int = 24
    rank: int = 32


@dataclass(frozen=True)
class ScoreRecipe:
    """How many held-out windows the hit score is made on."""

    windows: int = 40


@dataclass(frozen=True)
class Recipe:
    """Everything that decides what a training run makes, but for the recordings themselves."""

    name: str
    seed: int
    codec: CodecRecipe
    decoder: DecoderRecipe
    texture: TextureRecipe
    vocoder: VocoderRecipe
    attacks: AttacksRecipe
    bank: BankRecipe
    windows: WindowsRecipe
    denoiser: DenoiserRecipe
    few_steps: FewStepsRecipe
    score: ScoreRecipe

    def shortened(self, share: float) -> Recipe:
        """The same with so much of each stage's steps and windows, at least one: 0 < share <= 1."""

        def of(count: int) -> int:
            return max(1, round(count * share)) if count else 0

        shorter: dict[str, Any] = {}
        for table in fields(self):
            part = getattr(self, table.name)
            if schedule := getattr(part, "schedule", None):
                part = replace(part, schedule=replace(schedule, steps=of(schedule.steps)))
            shorter[table.name] = part
        shorter["vocoder"] = replace(shorter["vocoder"], tone_steps=of(self.vocoder.tone_steps))
        shorter["windows"] = replace(self.windows, count=of(self.windows.count))
        shorter["few_steps"] = replace(shorter["few_steps"], windows=of(self.few_steps.windows))
        return Recipe(**shorter)


def _table(kind: type, raw: dict[str, Any], where: str, path: Path) -> Any:
    """A dataclass from a TOML table; an unknown key is an error that names the known ones."""
    known = {f.name: f for f in fields(kind)}
    if unknown := sorted(set(raw) - set(known)):
        raise ConfigError(
            f"[{where}] has no key {unknown[0]!r}",
            path=path,
            hint=f"It knows {', '.join(known)}.",
        )
    values = dict(raw)
    if "schedule" in values:
        values["schedule"] = _table(Schedule, dict(values["schedule"]), f"{where}.schedule", path)
    try:
        return kind(**values)
    except TypeError as error:
        raise ConfigError(f"[{where}]: {error}", path=path) from error


def read_recipe(path: Path) -> Recipe:
    """Read and check a recipe. Raises ConfigError with the file and the key at fault."""
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ConfigError("there is no such recipe", path=path) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise ConfigError(f"is not a recipe: {error}", path=path) from error
    kinds = {
        "codec": CodecRecipe,
        "decoder": DecoderRecipe,
        "texture": TextureRecipe,
        "vocoder": VocoderRecipe,
        "attacks": AttacksRecipe,
        "bank": BankRecipe,
        "windows": WindowsRecipe,
        "denoiser": DenoiserRecipe,
        "few_steps": FewStepsRecipe,
        "score": ScoreRecipe,
    }
    if unknown := sorted(set(raw) - set(kinds) - {"name", "seed"}):
        raise ConfigError(
            f"the recipe has no table {unknown[0]!r}",
            path=path,
            hint=f"It knows {', '.join(kinds)}.",
        )
    return Recipe(
        name=str(raw.get("name", path.stem)),
        seed=int(raw.get("seed", 0)),
        **{k: _table(kind, raw.get(k, {}), k, path) for k, kind in kinds.items()},
    )
