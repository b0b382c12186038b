"""Where models lie on this machine, and how one is found by its name.

A model is a folder in the layout of diffusers: ``model_index.json`` and a folder for each part.
Nothing is opened here but directories, so the library's ``from_pretrained`` and the commands look
in the same places.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path

import vtacli
from vtacli.errors import ConfigError, WeightsMissing, WeightsRefused, printable

INDEX = "model_index.json"


def shelves(weights_dir: Path | None = None, environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The folders in which models are looked for, the first that has one wins.

    ``--weights-dir``, then ``VTA_WEIGHTS``, then what came with the program (the ``weights``
    folder of a checkout or of the installed package), then the user's cache.
    """
    # imported here because it is needed for one line only, and --help must be instant
    from platformdirs import user_cache_path

    package = Path(vtacli.__file__).parent
    named = environ.get("VTA_WEIGHTS")
    candidates = [
        weights_dir,
        Path(named) if named else None,
        package.parent / "weights",
        package / "weights",
        user_cache_path("vta", appauthor=False) / "weights",
    ]
    return [c for c in candidates if c is not None]


def installed(on: list[Path]) -> dict[str, Path]:
    """Name and folder of every model on these shelves, the first of a name winning."""
    found: dict[str, Path] = {}
    for shelf in on:
        if shelf.is_dir():
            for folder in sorted(shelf.iterdir()):
                if not folder.name.startswith(".") and (folder / INDEX).is_file():
                    found.setdefault(folder.name, folder)
    return found


def find_model(
    name: str,
    weights_dir: Path | None = None,
    environ: Mapping[str, str] = os.environ,
) -> Path:
    """The folder of a model, from its name or from a path to the folder.

    Raises WeightsMissing, saying what there is; WeightsRefused for a link that leads out of its
    shelf; ConfigError where ``weights_dir`` is no folder.
    """
    if weights_dir is not None and not weights_dir.is_dir():
        raise ConfigError("The weights folder is not a folder.", path=weights_dir)
    if is_path(name):
        folder = Path(name)
        if not (folder / INDEX).is_file():
            raise WeightsMissing(f"This folder holds no model: it has no {INDEX}.", path=folder)
        return folder.resolve()
    on = shelves(weights_dir, environ)
    found = installed(on)
    if name in found:
        inside(found[name], found[name].parent)
        check_links(found[name])
        return found[name]
    raise WeightsMissing(f"There is no model {printable(name)!r} here.", hint=_advice(name, found))


def inside(path: Path, folder: Path) -> Path:
    """The path itself, links followed. Raises WeightsRefused where it leads out of ``folder``."""
    real, root = path.resolve(), folder.resolve()
    if real != root and root not in real.parents:
        raise WeightsRefused(
            f"a link that leads out of its folder, to {real}.",
            path=path,
            hint="Copy the file here in its place.",
        )
    return real


def check_links(folder: Path) -> None:
    """Raise WeightsRefused where anything in a model's folder is a link out of its shelf.

    A link from one file of a shelf to another is allowed, as is a shelf that is itself reached
    by a link.
    """
    for path in folder.rglob("*"):
        if path.is_symlink():
            inside(path, folder.parent)


def is_path(name: str) -> bool:
    """A name with a separator, or that is a folder holding a model, is a path."""
    return os.sep in name or name in (".", "..") or (Path(name) / INDEX).is_file()


def _advice(name: str, found: Mapping[str, Path]) -> str:
    if not found:
        return "No model is installed: name its folder, or set VTA_WEIGHTS to where models are."
    near = get_close_matches(name, found, 1)
    start = f"Did you mean {near[0]}? " if near else ""
    return f"{start}Installed: {', '.join(sorted(found))}."
