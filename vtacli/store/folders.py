"""A model's folder made anew from one that somebody else made: what belongs to it, and no more.

Weights come out as safetensors; of everything else only settings and words about the model are
taken. Programs and pickles stay behind.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from vtacli.errors import WeightsMissing, WeightsRefused
from vtacli.model.describe import INDEX, PUBLISHED_MODEL, index_of
from vtacli.store.archives import is_archive

PUBLISHED, FOLDER, ARCHIVE = "published", "folder", "archive"
TEXT_SUFFIXES = (".json", ".jsonl", ".txt", ".md", ".model")
TEXT_NAMES = ("LICENSE", "NOTICE", "LICENCE")
LARGEST_TEXT_BYTES = 64 << 20
WEIGHTS = "diffusion_pytorch_model"
_IGNORED = ("files.json",)


def copy_model(source: Path, target: Path) -> list[str]:
    """Copy the model folder ``source`` into the new folder ``target``, pickled weights as
    safetensors. Returns the paths that were left behind.

    Raises WeightsRefused for a folder whose index names what is none of ours, for a link that
    leads out of it, and for pickles that hold more than tensors.
    """
    root = _root_of(source)
    target.mkdir(parents=True)
    left: list[str] = []
    for path in sorted(source.rglob("*")):
        if path.is_dir():
            continue
        name = path.relative_to(source)
        if any(part.startswith(".") for part in name.parts) or str(name) in _IGNORED:
            continue
        if root not in path.resolve().parents:
            raise WeightsRefused(
                "a link that leads out of its folder.",
                path=path,
                hint="Copy the file here in its place.",
            )
        if not path.is_file() or not _take(path, target / name):
            left.append(name.as_posix())
    index_of(target)
    return left


def _take(path: Path, target: Path) -> bool:
    """Whether this file belongs to a model and was copied."""
    if path.suffix == ".safetensors":
        # beside the whole weights lie others of them in half precision
        whole = path.with_name(f"{WEIGHTS}.safetensors")
        if path != whole and path.name.startswith(f"{WEIGHTS}.") and whole.is_file():
            return False
    elif path.suffix == ".bin" and path.parent.joinpath("config.json").is_file():
        return _convert(path, target)
    elif path.suffix not in TEXT_SUFFIXES and not path.name.startswith(TEXT_NAMES):
        return False
    elif path.stat().st_size > LARGEST_TEXT_BYTES:
        raise WeightsRefused(f"this would be {path.stat().st_size} bytes of text.", path=path)
    elif path.name.endswith(".bin.index.json"):
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, target)
    return True


def _convert(path: Path, target: Path) -> bool:
    from vtacli.model.published import load_pickle, tensors_of
    from vtacli.model.streaming import write_safetensors

    named = target.with_suffix(".safetensors")
    if path.with_suffix(".safetensors").is_file() or path.name.count(".") > 1:
        return False
    target.parent.mkdir(parents=True, exist_ok=True)
    write_safetensors(named, tensors_of(load_pickle(path), path))
    return True


def _root_of(source: Path) -> Path:
    """What links of this folder may lead into: the folder, or of the hub's cache the repository,
    whose snapshots are links into its blobs."""
    return (source.parent.parent if source.parent.name == "snapshots" else source).resolve()


def kind_of(source: Path) -> str:
    """:data:`PUBLISHED`, :data:`FOLDER` or :data:`ARCHIVE`, by names alone. Raises WeightsRefused
    for what is none of them, WeightsMissing where there is nothing."""
    if not source.exists():
        raise WeightsMissing("there is no such file or folder.", path=source)
    if not source.is_dir():
        if is_archive(source):
            return ARCHIVE
        raise WeightsRefused(
            "neither a folder nor an archive.",
            path=source,
            hint="Name the folder that it lies in, or a .tar or .zip file.",
        )
    if (source / INDEX).is_file():
        return FOLDER
    if (source / PUBLISHED_MODEL).is_file():
        return PUBLISHED
    raise WeightsRefused(
        "this holds no model.",
        path=source,
        hint=f"A folder with {INDEX} is one, or with the published {PUBLISHED_MODEL}.",
    )


def bytes_in(place: Path) -> int:
    """Of a file, or of all files in a folder; files that vanish meanwhile do not count."""
    total = 0
    for path in (place,) if place.is_file() else place.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
