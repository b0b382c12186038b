"""A model by its name: its facts at once, its weights when they are needed.

Only here do files of weights and network layers meet. torch is imported by ``load`` alone.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vtacli.media.weights import find_model
from vtacli.model.contract import SoundModel
from vtacli.model.variants import Variant


@dataclass(frozen=True)
class ModelHandle:
    """``load`` reads the weights; it raises WeightsRefused or DeviceError, and may take seconds.

    ``check_device`` raises DeviceError where ``load`` would, without reading the weights.
    """

    name: str
    variant: Variant
    load: Callable[[], SoundModel]
    check_device: Callable[[], None]
    weights_bytes: int = 0
    folder: Path | None = None


def find(
    name: str, *, device: str = "auto", dtype: str = "auto", weights_dir: Path | None = None
) -> ModelHandle:
    """An installed model. Raises WeightsMissing or WeightsRefused; reads no weights."""
    from vtacli.model.describe import variant_of

    folder = find_model(name, weights_dir)

    def load() -> SoundModel:
        from vtacli.model.loading import load_model

        return load_model(folder, device=device, dtype=dtype)

    def check_device() -> None:
        if device not in ("auto", "cpu"):
            from vtacli.model.devices import choose_device

            choose_device(device)

    return ModelHandle(
        name=folder.name,
        variant=variant_of(folder),
        load=load,
        check_device=check_device,
        weights_bytes=sum(f.stat().st_size for f in folder.rglob("*.safetensors")),
        folder=folder,
    )
