"""A recipe of kind "ldm": which parts, which data, how long, and what is watched meanwhile."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vtacli.errors import ConfigError
from vtacli.model.variants import VARIANTS
from vtacli.training.ldm.tables import read_toml, table

KIND = "ldm"
MODES = ("picture", "words", "both")
SCHEDULES = ("constant", "linear", "cosine")
PRECISIONS = ("no", "fp16", "bf16")
SNR_WEIGHTS = ("min-snr", "published")
TRACKERS = ("tensorboard", "wandb")


def one_of(name: str, value: str, known: tuple[str, ...]) -> None:
    """Raise ConfigError, with the nearest name, for a value that is not among ``known``."""
    if value not in known:
        near = get_close_matches(value, known, 1)
        meant = f"Did you mean {near[0]}? " if near else ""
        raise ConfigError(f"{name} is {value!r}", hint=f"{meant}It is one of {', '.join(known)}.")


def at_least(least: float, **values: float) -> None:
    """Raise ConfigError for the first of ``values`` that is below ``least``."""
    for name, value in values.items():
        if not value >= least:
            raise ConfigError(f"{name} must be {least:g} or more, not {value:g}")


def share(**values: float) -> None:
    """Raise ConfigError for the first of ``values`` that is no share."""
    for name, value in values.items():
        if not 0 <= value <= 1:
            raise ConfigError(f"{name} is a share between 0 and 1, not {value:g}")


@dataclass(frozen=True)
class EncoderPart:
    """``weights``: the file that upstream publishes; without it ``config`` says the sizes and the
    weights are random. ``auxiliaries``: what joins the features, in order. ``text_weights``: a
    folder with CLIP's text tower and tokenizer; without it ``text`` says the sizes of a random
    one, for those auxiliaries that take words."""

    name: str = "clip4clip"
    weights: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    auxiliaries: tuple[str, ...] = ()
    text_weights: str | None = None
    text: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DenoiserPart:
    """``config`` changes the published UNet's settings, key by key. ``checkpointing``: recompute
    activations in the backward pass, which halves memory and costs a third of the time."""

    config: dict[str, Any] = field(default_factory=dict)
    checkpointing: bool = False


@dataclass(frozen=True)
class AutoencoderPart:
    """``model``: the model whose autoencoder is used, by name or folder. Otherwise one of the
    sizes in ``config`` is trained on the data itself for ``steps`` (0: left random)."""

    model: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    batch: int = 4
    learning_rate: float = 2e-3

    def __post_init__(self) -> None:
        at_least(0, steps=self.steps)
        at_least(1, batch=self.batch)


@dataclass(frozen=True)
class VocoderPart:
    """``model``: the model whose vocoder is used; otherwise a random one of the sizes in
    ``config``."""

    model: str | None = None
    config: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class DataPart:
    """``modes``: what a sample is conditioned on, and how often (shares of their sum).

    ``drop``: how often the whole condition is left out; ``drop_picture`` and ``drop_words`` one
    of the two, where both are there. ``concatenate``: how often two clips are joined at a random
    cut. ``held_out``: the share of sources kept for validation where no other data is named for
    it. ``practice``: how many drawn films to make and train on where no data is given.
    """

    modes: dict[str, float] = field(default_factory=lambda: {"picture": 1.0})
    drop: float = 0.1
    drop_picture: float = 0.0
    drop_words: float = 0.0
    concatenate: float = 0.0
    held_out: float = 0.05
    practice: int = 0

    def __post_init__(self) -> None:
        share(
            drop=self.drop,
            drop_picture=self.drop_picture,
            drop_words=self.drop_words,
            concatenate=self.concatenate,
            held_out=self.held_out,
        )
        at_least(0, practice=self.practice)
        for mode, often in self.modes.items():
            one_of("a mode", mode, MODES)
            at_least(0, **{mode: often})
        if not sum(self.modes.values()) > 0:
            raise ConfigError("modes leaves nothing to train on")


@dataclass(frozen=True)
class PretrainPart:
    """The first ``steps`` of all, in which ``modes`` stand in for the data's own."""

    steps: int = 0
    modes: dict[str, float] = field(default_factory=lambda: {"words": 1.0})

    def __post_init__(self) -> None:
        at_least(0, steps=self.steps)
        for mode in self.modes:
            one_of("a mode", mode, MODES)


@dataclass(frozen=True)
class OptimizerPart:
    """``batch`` samples on a device at once, ``accumulate`` times, on every process, make a step.

    ``schedule`` goes up over ``warmup`` steps, then as its name says to the end of ``steps``.
    ``clip``: the largest norm of the gradient, 0 for any. ``ema``: the decay of the averaged
    weights, which are what is validated and saved; it begins short: (1 + n) / (10 + n).
    ``snr_gamma`` (0: all noise levels weigh the same) and ``snr_weights``: see
    :mod:`vtacli.training.ldm.objective`.
    """

    steps: int
    batch: int = 8
    accumulate: int = 1
    learning_rate: float = 1e-5
    schedule: str = "linear"
    warmup: int = 300
    betas: tuple[float, ...] = (0.9, 0.999)
    weight_decay: float = 1e-2
    epsilon: float = 1e-8
    clip: float = 1.0
    ema: float = 0.9999
    snr_gamma: float = 5.0
    snr_weights: str = "min-snr"
    precision: str = "no"

    def __post_init__(self) -> None:
        at_least(1, steps=self.steps, batch=self.batch, accumulate=self.accumulate)
        at_least(
            0,
            warmup=self.warmup,
            weight_decay=self.weight_decay,
            clip=self.clip,
            snr_gamma=self.snr_gamma,
        )
        one_of("schedule", self.schedule, SCHEDULES)
        one_of("precision", self.precision, PRECISIONS)
        one_of("snr_weights", self.snr_weights, SNR_WEIGHTS)
        share(ema=self.ema)
        if not self.learning_rate > 0:
            raise ConfigError(f"learning_rate must be above 0, not {self.learning_rate:g}")
        if len(self.betas) != 2:
            raise ConfigError("betas are two numbers")


@dataclass(frozen=True)
class WatchPart:
    """What is looked at while it trains; every count is in steps, and 0 is never.

    ``timesteps``: at which the validation loss is measured, of the scheduler's 1000.
    """

    log_every: int = 10
    save_every: int = 1000
    keep: int = 2
    validate_every: int = 1000
    validate_clips: int = 64
    timesteps: tuple[int, ...] = (100, 300, 500, 700, 900)
    listen_every: int = 5000
    listen_clips: int = 4
    listen_steps: int = 25
    listen_guidance: float = 3.0
    trackers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        at_least(1, log_every=self.log_every, keep=self.keep, listen_steps=self.listen_steps)
        at_least(
            0,
            save_every=self.save_every,
            validate_every=self.validate_every,
            listen_every=self.listen_every,
        )
        for tracker in self.trackers:
            one_of("a tracker", tracker, TRACKERS)
        if not self.timesteps or not all(0 <= t < 1000 for t in self.timesteps):
            raise ConfigError("timesteps are whole numbers from 0 to 999")


@dataclass(frozen=True)
class LoraPart:
    """Low-rank changes to a finished model: ``rank`` 0 trains everything instead. ``layers``:
    ends of the names of the denoiser's layers that are changed."""

    rank: int = 0
    scale: float = 1.0
    layers: tuple[str, ...] = ("to_q", "to_k", "to_v", "to_out.0")

    def __post_init__(self) -> None:
        at_least(0, rank=self.rank)


@dataclass(frozen=True)
class LdmRecipe:
    """Everything that decides what a run makes, but for the data.

    ``start``: a model, by name or folder, to go on from: all its parts are taken, and ``encoder``,
    ``denoiser``, ``autoencoder`` and ``vocoder`` say nothing.
    """

    kind: str
    optimizer: OptimizerPart
    name: str = ""
    variant: str = "vta-ldm-base"
    seed: int = 0
    start: str | None = None
    encoder: EncoderPart = field(default_factory=EncoderPart)
    denoiser: DenoiserPart = field(default_factory=DenoiserPart)
    autoencoder: AutoencoderPart = field(default_factory=AutoencoderPart)
    vocoder: VocoderPart = field(default_factory=VocoderPart)
    data: DataPart = field(default_factory=DataPart)
    pretrain: PretrainPart = field(default_factory=PretrainPart)
    watch: WatchPart = field(default_factory=WatchPart)
    lora: LoraPart = field(default_factory=LoraPart)

    def __post_init__(self) -> None:
        one_of("kind", self.kind, (KIND,))
        known = tuple(v for v in VARIANTS if v.startswith("vta-ldm-"))
        one_of("variant", self.variant, known)
        if self.lora.rank and self.start is None:
            raise ConfigError("[lora] changes a finished model: start must name it")

    def modes_at(self, step: int) -> dict[str, float]:
        """What samples are conditioned on at a step."""
        return self.pretrain.modes if step < self.pretrain.steps else self.data.modes


def is_ldm(path: Path) -> bool:
    """Whether a recipe's file is of this kind. Raises ConfigError where it is no recipe."""
    return read_toml(path)[0].get("kind") == KIND


def read_ldm_recipe(path: Path) -> LdmRecipe:
    """Read and check a recipe. Raises ConfigError with the file, the line and what is known.

    ``extends = "NAME"`` takes another recipe, from the file ``NAME.toml`` beside this one, and
    changes it key by key; what a key of a table holds is replaced as a whole.
    """
    return table(LdmRecipe, {"name": path.stem, **_whole(path, ())}, read_toml(path)[1], path)


def _whole(path: Path, before: tuple[Path, ...]) -> dict[str, Any]:
    """A recipe's tables laid over those that it extends."""
    raw, text = read_toml(path)
    if (parent := raw.pop("extends", None)) is None:
        return raw
    beside = path.with_name(f"{parent}.toml")
    if beside in (*before, path):
        raise ConfigError(f"extends itself, by {parent!r}", path=path)
    under = _whole(beside, (*before, path))
    # Held against what is known by itself, so that a fault is told of the file that has it.
    table(LdmRecipe, under, read_toml(beside)[1], beside)
    under.pop("name", None)
    known = {f.name for f in fields(LdmRecipe)}
    if unknown := [k for k in raw if k not in known]:
        table(LdmRecipe, {**under, unknown[0]: raw[unknown[0]]}, text, path)
    for key, value in raw.items():
        both = isinstance(value, dict) and isinstance(under.get(key), dict)
        under[key] = {**under[key], **value} if both else value
    return under
