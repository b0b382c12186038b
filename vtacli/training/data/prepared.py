"""The read side of ``vta data prepare``: examples by number, read from shards that are mapped."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from torch import Tensor

from vtacli.errors import ConfigError, MediaError
from vtacli.model.encoders.features import WindowFeatures
from vtacli.training.data import splits

FACTS, INDEX = "facts.json", "index.jsonl"
OPEN_AT_ONCE = 64
"""Shards that are kept mapped. A mapping costs address space and a handle, not memory."""


@dataclass(frozen=True, eq=False)
class Example:
    """One window. ``mel``: (1, frames, bands) float32 log-mel; ``features``: the frozen encoder's.
    ``seconds``: how much of the window is clip; the rest is padding (silence). ``source``: the
    video that it comes from."""

    id: str
    mel: Tensor
    features: WindowFeatures
    caption: str | None
    seconds: float
    source: str


class PreparedClips(Sequence[Example]):
    """A prepared folder. Opening reads the index alone; an example reads its own tensors.

    Random access is cheap, the same number always gives the same example, and the object may be
    handed to other processes. ``split``: only the windows of train, validation or test; as the
    manifest said, or by :func:`vtacli.training.data.splits.split_of` where it said nothing.

    Raises ConfigError where the folder was not prepared, or preparing is not finished.
    """

    def __init__(self, folder: Path | str, split: str | None = None) -> None:
        self.folder = Path(folder)
        try:
            self.facts: dict[str, Any] = json.loads(
                (self.folder / FACTS).read_text(encoding="utf-8")
            )
            lines = (self.folder / INDEX).read_text(encoding="utf-8").split("\n")
        except FileNotFoundError:
            raise ConfigError(
                "The folder holds no prepared clips, or preparing is not finished.",
                path=self.folder,
                hint="Run `vta data prepare` (again).",
            ) from None
        except (OSError, ValueError) as error:
            raise ConfigError(f"The facts cannot be read: {error}.", path=self.folder) from error
        self.rows: list[dict[str, Any]] = [json.loads(line) for line in lines if line]
        if split is not None:
            self.rows = [row for row in self.rows if self.split_of(row) == split]
        self._open: OrderedDict[str, tuple[Any, dict[str, list[str]]]] = OrderedDict()

    @property
    def window_s(self) -> Fraction:
        return Fraction(self.facts["window_s"])

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: Any) -> Any:
        """The example of that number; a slice gives a list of them."""
        if isinstance(number, slice):
            return [self._read(row) for row in self.rows[number]]
        return self._read(self.rows[number])

    def __iter__(self) -> Iterator[Example]:
        return (self._read(row) for row in self.rows)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_open": OrderedDict()}

    def _read(self, row: dict[str, Any]) -> Example:
        file, names = self._shard(row["shard"])
        mark = f"{row['row']:04}."
        found = {name.removeprefix(mark): file.get_tensor(name) for name in names[mark]}
        return Example(
            id=row["id"],
            mel=found.pop("mel"),
            features=WindowFeatures.of_tensors(found),
            caption=row["caption"],
            seconds=row["seconds"],
            source=row["source"],
        )

    def _shard(self, name: str) -> tuple[Any, dict[str, list[str]]]:
        """A mapped shard, and its tensors' names by row."""
        if name in self._open:
            self._open.move_to_end(name)
            return self._open[name]
        path = self.folder / name
        try:
            file: Any = safe_open(str(path), "pt")
        except (OSError, SafetensorError) as error:
            raise MediaError(
                f"A shard is missing or broken: {error}.",
                path=path,
                hint="Delete it and run `vta data prepare` again.",
            ) from error
        names: dict[str, list[str]] = {}
        for key in file.keys():  # noqa: SIM118 - it is no dict
            names.setdefault(key[: key.index(".") + 1], []).append(key)
        self._open[name] = (file, names)
        if len(self._open) > OPEN_AT_ONCE:
            self._open.popitem(last=False)
        return self._open[name]

    @staticmethod
    def split_of(row: dict[str, Any]) -> str:
        """Train, validation or test, of a row of the index."""
        said: str | None = row.get("split")
        return said or splits.split_of(row["source"])
