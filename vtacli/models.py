"""A model by its name: its facts at once, its weights when they are needed.

Only here do files of weights and network layers meet. torch is imported by ``load`` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vtacli.errors import WeightsMissing
from vtacli.media.weights import VOICE, find_model, find_tagger, find_voice_detector
from vtacli.model.contract import Listener, SoundModel
from vtacli.model.guess import Guesser
from vtacli.model.variants import Variant

if TYPE_CHECKING:
    from vtacli.model.voice import VoiceNet


def load_voice_detector(model: Path | None = None, weights_dir: Path | None = None) -> VoiceNet:
    """What hears speech, beside a model or on a shelf. Raises WeightsMissing, WeightsRefused."""
    folder = find_voice_detector(model or Path(), weights_dir)
    if folder is None:
        raise WeightsMissing(
            f"The speech detector's weights ({VOICE}) are not on this machine.",
            hint="Leave out --duck, or install vta again.",
        )
    from vtacli.model.voice import load_voice

    return load_voice(folder)


@dataclass(frozen=True)
class ModelHandle:
    """``load`` reads the weights; it raises WeightsRefused or DeviceError, and may take seconds.

    ``check_device`` raises DeviceError where ``load`` would, without reading the weights.
    ``few_steps``: for how many steps there is a distilled denoiser. ``guesser`` reads what is
    needed to say what a picture looks like, None where the model does not say. ``listener`` reads
    the tagger that hears speech and music, and gives None where it is not installed. ``voice``
    reads what hears when somebody speaks. ``runs_on`` says in words what the samples of an equal
    seed may depend on: the device, its precision, and the library that computes there.
    """

    name: str
    variant: Variant
    load: Callable[[], SoundModel]
    check_device: Callable[[], None]
    weights_bytes: int = 0
    folder: Path | None = None
    few_steps: int | None = None
    guesser: Callable[[], Guesser] | None = None
    listener: Callable[[], Listener | None] = field(default=lambda: None)
    voice: Callable[[], VoiceNet] = load_voice_detector
    runs_on: Callable[[], str] = field(default=lambda: "")


def find(
    name: str, *, device: str = "auto", dtype: str = "auto", weights_dir: Path | None = None
) -> ModelHandle:
    """An installed model. Raises WeightsMissing or WeightsRefused; reads no weights."""
    from vtacli.model.describe import few_steps_of, variant_of

    folder = find_model(name, weights_dir)

    def load() -> SoundModel:
        from vtacli.model.lean import import_diffusers

        import_diffusers()
        from vtacli.model.loading import load_model

        return load_model(folder, device=device, dtype=dtype)

    def check_device() -> None:
        if device not in ("auto", "cpu"):
            from vtacli.model.devices import choose_device

            choose_device(device)

    def runs_on() -> str:
        from vtacli.model.devices import description

        return description(device, dtype)

    def guesser() -> Guesser:
        from vtacli.model.lean import import_diffusers

        import_diffusers()
        from vtacli.model.loading import load_guesser

        return load_guesser(folder)

    def listener() -> Listener | None:
        place = find_tagger(folder, weights_dir)
        if place is None:
            return None
        from vtacli.model.listening import load_listener

        return load_listener(place)

    variant = variant_of(folder)
    return ModelHandle(
        name=folder.name,
        variant=variant,
        load=load,
        check_device=check_device,
        weights_bytes=sum(f.stat().st_size for f in folder.rglob("*.safetensors")),
        folder=folder,
        few_steps=few_steps_of(folder),
        guesser=guesser if variant.takes_references else None,
        listener=listener,
        voice=lambda: load_voice_detector(folder, weights_dir),
        runs_on=runs_on,
    )
