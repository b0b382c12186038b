"""A model folder, opened without diffusers' pipeline class, whose import takes over a second.

The program runs windows; it saves no pipeline, loads no LoRA of diffusers' and offloads nothing.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from vtacli.errors import WeightsRefused
from vtacli.model.describe import INDEX, index_of, variant_of
from vtacli.model.headers import check_headers
from vtacli.model.sounding import SoundPipeline
from vtacli.model.variants import Variant

COMPONENTS = ("encoder", "unet", "vae", "vocoder", "scheduler")


class OpenedPipeline(SoundPipeline):
    """``components``: by the names of :data:`COMPONENTS`."""

    def __init__(self, variant: Variant, components: dict[str, Any]):
        self._facts = variant
        self.components = components
        self.encoder, self.unet, self.vae, self.vocoder, self.scheduler = (
            components[name] for name in COMPONENTS
        )
        self._references = WeakKeyDictionary()

    @classmethod
    def from_folder(cls, folder: Path) -> OpenedPipeline:
        """Open every part that the folder's index names, in float32 on the CPU.

        Nothing but safetensors and JSON is read. Raises :class:`WeightsMissing` and
        :class:`WeightsRefused`; what the parts' own ``from_pretrained`` raise of damaged files is
        left to whoever calls.
        """
        index = index_of(folder)
        check_headers(folder)
        components = {}
        for name in COMPONENTS:
            said = index.get(name)
            if not isinstance(said, list) or len(said) != 2:
                raise WeightsRefused(f"{INDEX} does not say what its {name} is.", path=folder)
            # `index_of` lets no module pass but ours and diffusers itself.
            kind = getattr(import_module(said[0]), said[1])
            options = {"use_safetensors": True} if issubclass(kind, nn.Module) else {}
            components[name] = kind.from_pretrained(folder / name, local_files_only=True, **options)
        return cls(variant_of(folder), components)

    @property
    def facts(self) -> Variant:
        """The variant whose weights these are."""
        return self._facts

    @property
    def _execution_device(self) -> torch.device:  # type: ignore[override]
        place: torch.device = next(self.unet.parameters()).device
        return place

    def to(self, device: str | torch.device, dtype: torch.dtype) -> OpenedPipeline:
        """Move every part; returns itself."""
        for part in self.components.values():
            if isinstance(part, nn.Module):
                part.to(device=device, dtype=dtype)
        return self

    def maybe_free_model_hooks(self) -> None:
        """Nothing is offloaded, so nothing is taken back."""
