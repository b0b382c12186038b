"""The published checkpoints to a diffusers folder of safetensors, and back.

Names are mapped one to one between what our modules hold and what was published, so both ways
are strict: a key that is missing, unexpected or of another shape is an error. Tensors keep their
dtypes, are mapped from the disk and written one at a time: memory stays near the weights' size.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.utils import SAFETENSORS_WEIGHTS_NAME
from torch import Tensor
from transformers import AutoTokenizer, CLIPConfig

from vtacli.errors import OutputError, StorageError, WeightsMissing, WeightsRefused
from vtacli.model import autoencoder, published, samplers
from vtacli.model.describe import variant_of
from vtacli.model.encoders.clip4clip import TOKENIZER, Clip4Clip
from vtacli.model.pipeline import VtaPipeline
from vtacli.model.streaming import write_safetensors
from vtacli.model.strict import check_keys, read_weights
from vtacli.model.variants import Variant
from vtacli.model.vocoder import HifiGan

RECORDS = "published"
"""The published JSON and tokenizer files, kept word for word in the model's folder."""

VOCABULARIES = ("tokenizer.json", "vocab.json")
"""Of an encoder's folder: one of them makes a tokenizer."""

_FIRST_STAGE = "first_stage_model."
_TOWER = (
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "hidden_act",
    "layer_norm_eps",
    "projection_dim",
)
_EYE = ("num_channels", "image_size", "patch_size")
_TONGUE = (
    "vocab_size",
    "max_position_embeddings",
    "bos_token_id",
    "eos_token_id",
    "pad_token_id",
)


@dataclass(frozen=True)
class Part:
    """One component without its weights (on the meta device), the file and the prefix under which
    they are published, and their published names."""

    component: str
    module: Any
    file: str
    prefix: str
    rename: Callable[[str], str] = str

    def names(self) -> dict[str, str]:
        """Our names to published ones."""
        return {ours: self.prefix + self.rename(ours) for ours in self.module.state_dict()}


def parts_of(encoder: Any, unet: Any, vae: Any, vocoder: Any) -> tuple[Part, ...]:
    """The published model's components, in the pipeline's order."""
    levels = len(vae.config.block_out_channels)
    return (
        Part("encoder", encoder, published.MODEL_FILE, "vid_fea_extractor."),
        Part("unet", unet, published.MODEL_FILE, "unet."),
        Part(
            "vae",
            vae,
            published.FIRST_STAGE_FILE,
            _FIRST_STAGE,
            lambda ours: autoencoder.published_name(ours, levels),
        ),
        Part("vocoder", vocoder, published.FIRST_STAGE_FILE, _FIRST_STAGE + "vocoder."),
    )


def import_published(
    folder: Path, out: Path, *, summary: str | None = None, variant: str | None = None
) -> Variant:
    """Turn a folder of published files into a model folder ``out``, which must not exist.

    ``summary`` names the summary file, ``variant`` overrides what it says (see
    :func:`vtacli.model.published.variant_for`). Raises :class:`WeightsMissing` for an absent
    file, :class:`WeightsRefused` for one that is not what it should be, :class:`OutputError`
    where ``out`` exists and :class:`StorageError` where it cannot be written.
    """
    summary_file = folder / (summary or published.SUMMARY_FILE)
    said = published.read_summary(summary_file)
    facts = published.variant_for(said, summary_file, variant)
    model = published.tensors_of(
        published.load_pickle(folder / published.MODEL_FILE), folder / published.MODEL_FILE
    )
    first_stage, scale_factor = _first_stage(folder / published.FIRST_STAGE_FILE)
    states = {published.MODEL_FILE: model, published.FIRST_STAGE_FILE: first_stage}

    encoder_folder = folder / said.encoder
    if facts.takes_text:  # one that takes no words needs no tokenizer, and the settings are known
        published.require(encoder_folder)
    unet_config = _config(folder, (said.unet_config, published.UNET_FILE), "vta-ldm-unet")
    trained = _config(folder, (published.SCHEDULER_FILE,), "stable-diffusion-2-1-scheduler")
    if unet_config.get("cross_attention_dim") != said.width:
        raise WeightsRefused(
            f"the denoiser listens to {unet_config.get('cross_attention_dim')} numbers a token, "
            f"the encoder says {said.width}.",
            path=summary_file,
        )
    names = {key.removeprefix(_FIRST_STAGE): value for key, value in first_stage.items()}
    try:
        with torch.device("meta"):
            parts = parts_of(
                Clip4Clip(
                    **_towers(encoder_folder),
                    width=said.width,
                    position=said.position,
                    takes_text=facts.takes_text,
                ),
                UNet2DConditionModel.from_config(unet_config),
                AutoencoderKL(**autoencoder.config_of(names, scale_factor)),
                HifiGan(channels=int(names["vocoder.conv_pre.weight"].shape[0])),
            )
    except KeyError as error:
        raise WeightsRefused(
            f"a parameter of the first stage is missing: {error}.",
            path=folder / published.FIRST_STAGE_FILE,
        ) from error
    try:
        matched = {
            file: _match([p for p in parts if p.file == file], state, folder / file)
            for file, state in states.items()
        }
    except WeightsRefused as error:
        if encoder_folder.is_dir():
            raise
        raise WeightsMissing(
            f"the encoder's settings are missing, and the published ones do not fit: {error}",
            path=encoder_folder,
        ) from error

    with made_whole(out) as building:
        for part in parts:
            part.module.save_config(building / part.component)
            weights = {
                ours: matched[part.file][theirs].reshape(part.module.state_dict()[ours].shape)
                for ours, theirs in part.names().items()
            }
            write_safetensors(building / part.component / SAFETENSORS_WEIGHTS_NAME, weights)
        if facts.takes_text or any((encoder_folder / n).is_file() for n in VOCABULARIES):
            tokenizer = AutoTokenizer.from_pretrained(str(encoder_folder), local_files_only=True)
            tokenizer.save_pretrained(str(building / "encoder" / TOKENIZER))
        scheduler = samplers.build(facts.default_sampler, trained)
        scheduler.save_pretrained(building / "scheduler")
        VtaPipeline(
            **{part.component: part.module for part in parts},
            scheduler=scheduler,
            variant=facts.name,
        ).save_config(building)
        _keep_records(folder, building / RECORDS, said, summary_file)
    return facts


def export_published(model_folder: Path, out: Path) -> None:
    """Write the published files of an imported model back into the new folder ``out``: the state
    dicts under their published names (of AudioLDM's file, its first stage), and the JSON and
    tokenizer files word for word. Raises as :func:`import_published` does."""
    if variant_of(model_folder).name not in published.PUBLISHED_VARIANTS:
        raise WeightsRefused("not one of the published models.", path=model_folder)
    records = model_folder / RECORDS
    if not records.is_dir():
        raise WeightsRefused(
            "the published settings are not beside the weights.",
            path=records,
            hint="Export from the folder that the import made.",
        )
    classes = (Clip4Clip, UNet2DConditionModel, AutoencoderKL, HifiGan)
    with torch.device("meta"):
        parts = parts_of(
            *(
                kind.from_config(published.read_json(model_folder / name / "config.json"))
                for name, kind in zip(("encoder", "unet", "vae", "vocoder"), classes, strict=True)
            )
        )
    states: dict[str, dict[str, Tensor]] = {}
    for part in parts:
        weights = read_weights(model_folder / part.component)
        names = part.names()
        check_keys(weights, names, model_folder / part.component)
        state = states.setdefault(part.file, {})
        for ours, theirs in names.items():
            # The attention of the autoencoder was published as convolutions of width 1.
            convolved = part.component == "vae" and ".attentions." in ours and "to_" in ours
            keep = not convolved or weights[ours].ndim != 2
            state[theirs] = weights[ours] if keep else weights[ours][..., None, None]
    scale = next(p for p in parts if p.component == "vae").module.config.scaling_factor
    states[published.FIRST_STAGE_FILE]["scale_factor"] = torch.tensor(scale)
    with made_whole(out) as building:
        shutil.copytree(records, building, dirs_exist_ok=True)
        torch.save(states[published.MODEL_FILE], building / published.MODEL_FILE)
        torch.save(
            {"state_dict": states[published.FIRST_STAGE_FILE]},
            building / published.FIRST_STAGE_FILE,
        )


def _first_stage(path: Path) -> tuple[dict[str, Tensor], float]:
    """The first stage's tensors and the scale factor; the rest, by name, left out."""
    whole = published.load_pickle(path).get("state_dict")
    if not isinstance(whole, Mapping):
        raise WeightsRefused("there is no state_dict in it.", path=path)
    used = {k: v for k, v in whole.items() if not str(k).startswith(published.NOT_FIRST_STAGE)}
    state = published.tensors_of(used, path)
    scale = state.pop("scale_factor", None)
    if scale is None or scale.numel() != 1:
        raise WeightsRefused("there is no scale_factor in it.", path=path)
    return state, float(scale)


def _match(parts: Iterable[Part], state: dict[str, Tensor], path: Path) -> dict[str, Tensor]:
    """The published tensors, after every name and shape of every part has been found in them."""
    expected = {
        theirs: part.module.state_dict()[ours].shape
        for part in parts
        for ours, theirs in part.names().items()
    }
    found = {k: v for k, v in state.items() if not k.endswith(published.CONSTANTS)}
    check_keys(found, expected, path)
    for name, shape in expected.items():
        theirs = found[name].shape
        # A convolution of width 1 is a matrix with two more dimensions of 1.
        if theirs != shape and theirs != (*shape, 1, 1):
            raise WeightsRefused(
                f"{name} has shape {tuple(theirs)}, not {tuple(shape)}.", path=path
            )
    return found


def _config(folder: Path, names: Iterable[str | None], shipped: str) -> dict[str, Any]:
    """The first of the named files that the folder has, else the published one we carry."""
    for name in names:
        if name is not None and (folder / name).is_file():
            return published.read_json(folder / name)
    return published.fact(shipped)


def _towers(folder: Path) -> dict[str, dict[str, Any]]:
    """The settings of CLIP's two towers, as far as they decide shapes and numbers."""
    if (folder / "config.json").is_file():
        found = CLIPConfig.from_dict(published.read_json(folder / "config.json"))
    else:
        found = CLIPConfig.from_dict(published.fact("clip-vit-large-patch14"))
    return {
        "vision": {key: getattr(found.vision_config, key) for key in _TOWER + _EYE},
        "text": {key: getattr(found.text_config, key) for key in _TOWER + _TONGUE},
    }


def _keep_records(folder: Path, records: Path, said: published.Summary, summary_file: Path) -> None:
    names = {published.UNET_FILE, published.SCHEDULER_FILE, said.unet_config}
    inside = {"config.json", *published.TOKENIZER_FILES}
    kept = [folder / name for name in names if name] + [folder / said.encoder / n for n in inside]
    for source in [summary_file, *kept]:
        if source.is_file():
            target = records / source.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)


@contextmanager
def made_whole(out: Path) -> Iterator[Path]:
    """A new folder beside ``out`` that takes its name when all went well, and is gone if not."""
    if out.exists():
        raise OutputError("already there.", path=out, hint="Choose a folder that does not exist.")
    building = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        building.mkdir(parents=True)
        yield building
        building.replace(out)
    except OSError as error:
        raise StorageError(f"cannot write the model: {error.strerror}.", path=out) from error
    finally:
        shutil.rmtree(building, ignore_errors=True)
