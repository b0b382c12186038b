"""One shard: the windows of some clips as tensors, and what was found, in one safetensors file.

The rows and the failures lie in the file's own header, so that a shard is there whole, with its
story, or not at all. Equal content gives equal bytes: the header has one entry, because the order
of several is not fixed in safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from vtacli.errors import MediaError, StorageError
from vtacli.media.staging import Staging

STORY = "vta"
SUFFIX = ".safetensors"


@dataclass(frozen=True)
class Shard:
    """``rows``: one for each window, see :mod:`vtacli.training.data.work`; ``failures``: one for
    each clip that gave none, with ``clip``, ``file`` and ``reason``."""

    rows: tuple[dict[str, Any], ...]
    failures: tuple[dict[str, Any], ...]


def write_shard(path: Path, shard: Shard, tensors: Sequence[Mapping[str, Tensor]]) -> None:
    """Row n's tensors are stored under ``n.NAME``. Raises StorageError where the disk is full."""
    flat = {
        f"{number:04}.{name}": value.detach().cpu().contiguous()
        for number, row in enumerate(tensors)
        for name, value in row.items()
    }
    story = json.dumps(
        {"rows": shard.rows, "failures": shard.failures}, ensure_ascii=False, sort_keys=True
    )
    try:
        with Staging(overwrite=True) as staging:
            save_file(flat, str(staging.part(path)), metadata={STORY: story})
    except (OSError, SafetensorError) as error:
        raise StorageError(
            f"A shard could not be written: {error}.", path=path, hint="Is the disk full?"
        ) from error


def read_story(path: Path) -> Shard:
    """What a shard's header tells; its tensors are not read.

    Raises MediaError for a file that is no shard, or a broken one.
    """
    try:
        with safe_open(str(path), "pt") as file:
            story = json.loads((file.metadata() or {})[STORY])
        return Shard(tuple(story["rows"]), tuple(story["failures"]))
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise MediaError(
            f"This is no shard of prepared clips, or a broken one: {error}.",
            path=path,
            hint="Delete it and run `vta data prepare` again.",
        ) from error
