"""Reading the published files: what is in a checkpoint folder, and what may be in it."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from vtacli.errors import ConfigError, WeightsMissing, WeightsRefused
from vtacli.model.describe import PUBLISHED_MODEL
from vtacli.model.variants import VARIANTS, Variant

MODEL_FILE = PUBLISHED_MODEL
FIRST_STAGE_FILE = "audioldm-s-full.ckpt"
SUMMARY_FILE = "summary.jsonl"
UNET_FILE = "unet_config.json"
SCHEDULER_FILE = "scheduler_config.json"
TOKENIZER_FILES = (
    "vocab.json",
    "merges.txt",
    "tokenizer_config.json",
    "tokenizer.json",
    "special_tokens_map.json",
)

PUBLISHED_VARIANTS = ("vta-ldm-base", "vta-ldm-pe", "vta-ldm-text")
"""Those whose weights were published, in the layout that is read here."""

NOT_FIRST_STAGE = (
    "model.",
    "model_ema.",
    "cond_stage_model.",
    "clap.",
    "betas",
    "alphas_cumprod",
    "sqrt_alphas_cumprod",
    "sqrt_one_minus_alphas_cumprod",
    "log_one_minus_alphas_cumprod",
    "sqrt_recip_alphas_cumprod",
    "sqrt_recipm1_alphas_cumprod",
    "posterior_",
    "logvar",
)
"""Beginnings of what the AudioLDM file holds beside its first stage: its own denoiser, its text
model and the buffers of its noise schedule. None of it is used, and all of it is named here."""

PIECES, PIECE_BYTES = 64, 4096
"""Of a file of weights that is to be known again."""

CONSTANTS = ("embeddings.position_ids",)
"""Ends of names that transformers before 4.31 saved though they are 0, 1, 2, …"""


@dataclass(frozen=True)
class Summary:
    """The training arguments that matter here, from the first line of a summary file."""

    encoder: str
    unet_config: str | None
    width: int
    position: bool


def fact(name: str) -> dict[str, Any]:
    """A published JSON file that the program carries, by its stem."""
    source = files("vtacli.model").joinpath("facts", f"{name}.json")
    return dict(json.loads(source.read_text(encoding="utf-8")))


def require(path: Path) -> Path:
    """The path, or :class:`WeightsMissing` where it is absent."""
    if not path.exists():
        raise WeightsMissing("a published file is missing.", path=path)
    return path


def one_file(folder: Path) -> Path:
    """The one file of weights in a folder. Raises :class:`WeightsMissing` where there is none or
    more than one."""
    found = sorted(f for s in ("safetensors", "pth", "pt", "bin") for f in folder.glob(f"*.{s}"))
    if len(found) != 1:
        raise WeightsMissing(
            f"expected one file of weights, found {len(found)}.",
            path=folder,
            hint="A .safetensors, .pth, .pt or .bin file.",
        )
    return found[0]


def mark_of(*paths: Path) -> str:
    """12 hex digits that tell files of weights apart, by their sizes and by 64 pieces of each:
    gigabytes would take too long to read whole. Raises :class:`WeightsMissing`."""
    mark = sha256()
    for path in paths:
        size = require(path).stat().st_size
        mark.update(size.to_bytes(8, "little"))
        with path.open("rb") as file:
            for number in range(PIECES):
                file.seek(max(0, size - PIECE_BYTES) * number // (PIECES - 1))
                mark.update(file.read(PIECE_BYTES))
    return mark.hexdigest()[:12]


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object. Raises :class:`WeightsMissing` and :class:`WeightsRefused`."""
    try:
        found = json.loads(require(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise WeightsRefused(f"not JSON: {error}.", path=path) from error
    if not isinstance(found, dict):
        raise WeightsRefused("not a JSON object.", path=path)
    return found


def read_summary(path: Path) -> Summary:
    """Raises :class:`WeightsRefused` for a model that is not the published video-to-audio one."""
    lines = require(path).read_text(encoding="utf-8").splitlines()
    try:
        said = json.loads(lines[0])
        encoder, width = str(said["fea_encoder_name"]), int(said["embedding_dim"])
    except (IndexError, ValueError, KeyError, TypeError) as error:
        raise WeightsRefused("the first line is not a training summary.", path=path) from error
    for key, expected in (("task", "video2audio"), ("unet_model_name", None)):
        if said.get(key, expected) != expected:
            raise WeightsRefused(f"{key} is {said[key]!r}, not {expected!r}.", path=path)
    for other in ("ib", "lb", "jepa"):
        if said.get(other):
            raise WeightsRefused(f"trained on another encoder ({other}).", path=path)
    config = said.get("unet_model_config")
    return Summary(
        encoder=Path(encoder).name,
        unet_config=None if config is None else Path(str(config)).name,
        width=width,
        position=bool(said.get("pe", False)),
    )


def variant_for(summary: Summary, path: Path, asked: str | None) -> Variant:
    """The variant that a summary describes.

    Whether frames have positions is written in it; whether the model was trained with words is
    not, so that is told by ``asked`` or by a file name that ends in ``_text``. Raises
    :class:`ConfigError` for an unknown name and :class:`WeightsRefused` for a contradiction.
    """
    told = "vta-ldm-pe" if summary.position else "vta-ldm-base"
    name = asked or ("vta-ldm-text" if path.stem.endswith("_text") else told)
    known = list(PUBLISHED_VARIANTS)
    if name not in known:
        raise ConfigError(f"no published variant {name!r}.", hint=f"Choose {', '.join(known)}.")
    if name != "vta-ldm-text" and name != told:
        raise WeightsRefused(f"the summary describes {told}, not {name}.", path=path)
    return VARIANTS[name]


def load_pickle(path: Path) -> dict[str, Any]:
    """A checkpoint, mapped from the disk where its format allows, with nothing run from it.

    Raises :class:`WeightsRefused` where it is damaged or holds anything but plain data.
    """
    mapped = zipfile.is_zipfile(require(path))
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except pickle.UnpicklingError as error:
        reason = str(error).splitlines()[0]
        raise WeightsRefused(
            f"holds more than tensors, or is damaged: {reason}", path=path
        ) from error
    except (RuntimeError, EOFError, ValueError, KeyError, OSError, AttributeError) as error:
        raise WeightsRefused(f"cannot be read: {error}", path=path) from error
    if not isinstance(found, dict):
        raise WeightsRefused("not a state dict.", path=path)
    return found


def tensors_of(state: Mapping[Any, Any], path: Path) -> dict[str, Tensor]:
    """The state dict itself, or :class:`WeightsRefused` where something in it is no tensor."""
    for name, value in state.items():
        if not isinstance(name, str) or not isinstance(value, Tensor):
            raise WeightsRefused(f"{name!r} is not a tensor.", path=path)
    return dict(state)
