"""What a folder of weights says it is, from its JSON alone: without torch, plans stay instant."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.variants import VARIANTS, Variant

INDEX = "model_index.json"
PIPELINE_CLASS = "VtaPipeline"
PUBLISHED_MODEL = "pytorch_model_2.bin"
"""The checkpoint of a folder of published files."""
FEW_STEPS = "few_steps.safetensors"
"""Changes to a denoiser that make it sample in a few steps, beside its weights."""
COMPONENT_MODULES = frozenset(
    f"vtacli.model.{name}"
    for name in (
        "assembled",
        "controlled",
        "encoders.clip4clip",
        "vocoder",
        "mini.codec",
        "mini.conditioner",
        "mini.denoiser",
        "mini.vocos",
    )
)
"""Where the components of a model folder may come from, besides diffusers itself."""


def index_of(folder: Path) -> dict[str, Any]:
    """The folder's ``model_index.json``.

    Raises :class:`WeightsMissing` where there is no folder, :class:`WeightsRefused` where it is
    not a model.
    """
    if not folder.exists():
        raise WeightsMissing("there is no model here.", path=folder)
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        raise WeightsRefused(f"this is not a model: it has no {INDEX}.", path=folder) from None
    except (OSError, ValueError) as error:
        raise WeightsRefused(f"{INDEX} cannot be read: {error}.", path=folder) from error
    if not isinstance(index, dict) or index.get("_class_name") != PIPELINE_CLASS:
        raise WeightsRefused(f"{INDEX} does not describe a {PIPELINE_CLASS}.", path=folder)
    refuse_code(folder, index)
    return index


def modules_of(index: dict[str, Any]) -> set[str]:
    """The modules or packages from which the components of an index come."""
    return {str(said[0]) if said else "" for said in index.values() if isinstance(said, list)}


def refuse_code(folder: Path, index: dict[str, Any]) -> None:
    """Raise :class:`WeightsRefused` where opening the folder would run code that it brings.

    diffusers imports ``unet/anything.py`` from a folder whose index names ``anything``, and takes
    a component's class from any package that is installed.
    """
    strange = modules_of(index) - {"diffusers", *COMPONENT_MODULES}
    if strange:
        raise WeightsRefused(
            f"{INDEX} takes a part from {min(strange)[:80]!r}, which is none of ours.", path=folder
        )
    code = next(folder.rglob("*.py"), None)
    if code is not None:
        raise WeightsRefused("a model holds no program.", path=code, hint="Remove it first.")


def variant_of(folder: Path) -> Variant:
    """The variant that a model folder holds. Raises as :func:`index_of` does."""
    name = index_of(folder).get("variant")
    if not isinstance(name, str) or name not in VARIANTS:
        raise WeightsRefused(
            f"the model's variant is {name!r}, which this version does not know.",
            path=folder,
            hint=f"It knows {', '.join(VARIANTS)}.",
        )
    return VARIANTS[name]


def few_steps_of(folder: Path) -> int | None:
    """For how many steps a model folder holds a distilled denoiser; None where it holds none.

    Only the file's header is read: eight bytes of its length, then JSON. Raises
    :class:`WeightsRefused` where it does not say.
    """
    path = folder / "unet" / FEW_STEPS
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header = json.loads(file.read(min(length, 1 << 20)))
        return int(header["__metadata__"]["steps"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsRefused(f"its number of steps cannot be read: {error}.", path=path) from error
