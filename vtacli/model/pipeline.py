"""The pipeline of every variant as diffusers knows pipelines.

``from_pretrained``, ``save_pretrained``, ``to``, CPU offload and any scheduler of diffusers work as
they do there. What it does with windows is in :mod:`vtacli.model.sounding`.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any
from weakref import WeakKeyDictionary

from diffusers import DiffusionPipeline

from vtacli.model.describe import COMPONENT_MODULES, index_of, modules_of
from vtacli.model.headers import check_headers
from vtacli.model.sounding import SoundPipeline
from vtacli.model.variants import VARIANTS, Variant
from vtacli.shelves import find_model


class VtaPipeline(SoundPipeline, DiffusionPipeline):  # type: ignore[misc]
    """Windows of film, or conditions made of them, to sound."""

    model_cpu_offload_seq = "encoder->unet->vae->vocoder"
    _callback_tensor_inputs = ("latents",)

    def __init__(
        self,
        encoder: Any,
        unet: Any,
        vae: Any,
        vocoder: Any,
        scheduler: Any,
        variant: str = "vta-ldm-base",
    ):
        super().__init__()
        self.register_modules(
            encoder=encoder, unet=unet, vae=vae, vocoder=vocoder, scheduler=scheduler
        )
        self.register_to_config(variant=variant)
        self._references = WeakKeyDictionary()

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, **kwargs: Any) -> VtaPipeline:
        """As diffusers', from a folder or by the name of an installed model.

        diffusers opens no class whose module is not imported: ours are imported first, those that
        the folder's index names and :data:`COMPONENT_MODULES` has. Nothing is downloaded, and
        nothing but safetensors is opened unless ``use_safetensors`` says so. Raises
        :class:`WeightsMissing` where there is no such model, :class:`WeightsRefused` for a folder
        that brings a program or damaged weights.
        """
        folder = find_model(str(pretrained_model_name_or_path))
        for module in COMPONENT_MODULES & modules_of(index_of(folder)):
            import_module(module)
        check_headers(folder)
        options = {"use_safetensors": True, "local_files_only": True} | kwargs
        pipeline: VtaPipeline = super().from_pretrained(folder, **options)
        return pipeline

    @property
    def facts(self) -> Variant:
        """The variant whose weights these are."""
        return VARIANTS[self.config.variant]
