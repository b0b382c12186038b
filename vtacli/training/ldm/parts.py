"""The parts of a model to train: taken from finished models, from upstream files, or made."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import diffusers
import torch
from diffusers import UNet2DConditionModel
from transformers import AutoTokenizer, CLIPTextModelWithProjection

from vtacli.errors import ConfigError, WeightsRefused
from vtacli.model import published, samplers
from vtacli.model.assembled import Assembled
from vtacli.model.auxiliaries import auxiliary_class
from vtacli.model.controlled import ControlledUNet
from vtacli.model.describe import index_of
from vtacli.model.encoders import encoder_class
from vtacli.model.encoders.clip4clip import Clip4Clip
from vtacli.model.headers import check_headers
from vtacli.model.loading import quietly
from vtacli.model.pipeline import VtaPipeline
from vtacli.model.variants import VARIANTS, Variant
from vtacli.model.vocoder import HifiGan
from vtacli.shelves import find_model
from vtacli.training.ldm.first_stage import new_autoencoder
from vtacli.training.ldm.recipe import LdmRecipe
from vtacli.training.ldm.tokenizer import byte_tokenizer

TRAINED_SCHEDULER = "stable-diffusion-2-1-scheduler"


@dataclass
class Parts:
    """A model in pieces. ``scheduler``: the one that noise is added by."""

    encoder: Any
    unet: Any
    vae: Any
    vocoder: Any
    scheduler: Any
    variant: Variant

    def pipeline(self) -> VtaPipeline:
        """The whole, ready to make sound, with the variant's usual sampler."""
        return VtaPipeline(
            encoder=self.encoder,
            unet=self.unet,
            vae=self.vae,
            vocoder=self.vocoder,
            scheduler=samplers.build(self.variant.default_sampler, self.scheduler.config),
            variant=self.variant.name,
        )


def make_parts(recipe: LdmRecipe) -> Parts:
    """All parts, the denoiser and the projection as training begins. Random weights depend on the
    recipe's seed alone.

    Raises ConfigError, WeightsMissing and WeightsRefused.
    """
    variant = VARIANTS[recipe.variant]
    if recipe.start is not None:
        return started(recipe.start)
    torch.manual_seed(recipe.seed)
    plain = {**published.fact("vta-ldm-unet"), **recipe.denoiser.config}
    encoder = new_encoder(recipe, int(plain["cross_attention_dim"]), variant)
    check_abilities(encoder, variant)
    torch.manual_seed(recipe.seed + 1)
    unet = new_denoiser(plain, encoder)
    vae = recipe.autoencoder.model
    vocoder = recipe.vocoder.model
    return Parts(
        encoder=encoder,
        unet=unet,
        vae=new_autoencoder(recipe.autoencoder.config, recipe.seed + 2)
        if vae is None
        else component_of(find_model(vae), "vae"),
        vocoder=HifiGan(**recipe.vocoder.config).eval()
        if vocoder is None
        else component_of(find_model(vocoder), "vocoder"),
        scheduler=diffusers.DDPMScheduler.from_config(published.fact(TRAINED_SCHEDULER)),
        variant=variant,
    )


def started(name: str) -> Parts:
    """The parts of a finished model, all of them."""
    folder = find_model(name)
    with quietly():
        pipeline = VtaPipeline.from_pretrained(folder)
    encoder = pipeline.encoder
    if isinstance(encoder, Clip4Clip):
        encoder = assembled_of(encoder)
    if not isinstance(encoder, Assembled) or not isinstance(pipeline.unet, UNet2DConditionModel):
        raise WeightsRefused(
            "this model is of another family than the recipe trains.",
            path=folder,
            hint="Models of the vta-ldm family can be trained on.",
        )
    encoder.projection.requires_grad_(True)
    trained = pipeline.scheduler.config
    known = ("num_train_timesteps", "beta_start", "beta_end", "beta_schedule", "prediction_type")
    scheduler = diffusers.DDPMScheduler.from_config(
        published.fact(TRAINED_SCHEDULER) | {k: trained[k] for k in known if k in trained}
    )
    return Parts(encoder, pipeline.unet, pipeline.vae, pipeline.vocoder, scheduler, pipeline.facts)


def new_encoder(recipe: LdmRecipe, width: int, variant: Variant) -> Assembled:
    """Encoder, auxiliaries and a fresh projection to ``width``."""
    part = recipe.encoder
    kind = encoder_class(part.name)
    frames = None
    config = dict(part.config)
    if part.weights is not None:
        frames = kind.from_upstream(Path(part.weights), **config)
        config = {k: v for k, v in frames.config.items() if not k.startswith("_")}
    wants_words = any(auxiliary_class(a).takes_text for a in part.auxiliaries)
    tower, text = None, dict(part.text) if wants_words and part.text else None
    if wants_words and part.text_weights is not None:
        with quietly():
            tower = CLIPTextModelWithProjection.from_pretrained(
                part.text_weights, local_files_only=True
            )
        text = tower.config.to_dict()
    encoder: Assembled = Assembled(
        encoder=part.name,
        encoder_config=config or None,
        auxiliaries=list(part.auxiliaries),
        width=width,
        text=text,
        control_steps=variant.latent_shape[1],
        window_s=float(variant.window_s),
    )
    if frames is not None:
        encoder.frames.load_state_dict(frames.state_dict())
    if encoder.words is not None:
        if tower is not None:
            encoder.words.clip_text.load_state_dict(tower.state_dict())
            encoder.words.tokenizer = AutoTokenizer.from_pretrained(
                part.text_weights, local_files_only=True
            )
        else:
            encoder.words.tokenizer = byte_tokenizer()
    return encoder


def new_denoiser(config: dict[str, Any], encoder: Assembled) -> Any:
    """A fresh UNet of these settings, with room for the encoder's control where it has any."""
    channels = encoder.control_channels
    if channels:
        return ControlledUNet.beside(config, channels)
    return UNet2DConditionModel.from_config(
        {k: v for k, v in config.items() if not k.startswith("_")}
    )


def check_abilities(encoder: Assembled, variant: Variant) -> None:
    """Raise ConfigError where the parts cannot do what the variant says that it does."""
    for ability, here, said in (
        ("takes words", encoder.takes_text, variant.takes_text),
        ("sees the frames' order", encoder.sees_order, variant.sees_order),
    ):
        if here != said:
            raise ConfigError(
                f"whether it {ability}: {_yes(said)} for the variant {variant.name}, "
                f"{_yes(here)} for the encoder and auxiliaries of the recipe",
                hint="Name another variant, or other auxiliaries.",
            )


def _yes(it_is: bool) -> str:
    return "yes" if it_is else "no"


def assembled_of(encoder: Clip4Clip) -> Assembled:
    """The published encoder as parts with the same weights, which gives the same conditions (but
    for words and frames together with positions, which no published model has)."""
    auxiliaries = ["position"] if encoder.config.position else []
    if encoder.config.takes_text:
        auxiliaries.append("text-concat")
    made: Assembled = Assembled(
        encoder="clip4clip",
        encoder_config={"vision": dict(encoder.config.vision)},
        auxiliaries=auxiliaries,
        width=encoder.config.width,
        text=dict(encoder.config.text) if encoder.config.takes_text else None,
    )
    made.frames.load_state_dict(
        {f"clip_vision.{k}": v for k, v in encoder.clip_vision.state_dict().items()}
    )
    if made.words is not None:
        made.words.clip_text.load_state_dict(encoder.clip_text.state_dict())
        made.words.tokenizer = encoder.tokenizer
    made.projection.load_state_dict(encoder.linear_layer.state_dict())
    return made


def component_of(folder: Path, name: str) -> Any:
    """One part of a model folder, frozen. Raises WeightsMissing and WeightsRefused."""
    index = index_of(folder)
    if name not in index:
        raise WeightsRefused(f"the model has no {name}.", path=folder)
    module, kind = index[name]
    check_headers(folder)
    source = diffusers if module == "diffusers" else import_module(module)
    with quietly():
        part = getattr(source, kind).from_pretrained(
            folder / name, use_safetensors=True, local_files_only=True
        )
    return part.eval().requires_grad_(False)
