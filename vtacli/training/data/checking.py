"""Whether a prepared folder is whole: every shard read, every number looked at."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from vtacli.errors import MediaError
from vtacli.progress import Report, Step, ignore
from vtacli.training.data.prepared import Example, PreparedClips

STAGE = "check"


@dataclass(frozen=True)
class Checked:
    """``problems``: one sentence each, with the window or file that it is about."""

    folder: Path
    windows: int
    shards: int
    bytes: int
    problems: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.problems

    def to_dict(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "ok": self.ok,
            "windows": self.windows,
            "shards": self.shards,
            "bytes": self.bytes,
            "problems": list(self.problems),
        }


def check(folder: Path, report: Report = ignore) -> Checked:
    """Read every window of a prepared folder. Raises ConfigError where it is none."""
    prepared = PreparedClips(folder)
    problems: list[str] = []
    seen: set[str] = set()
    shape = (1, prepared.facts["mel"]["frames"], prepared.facts["mel"]["bands"])
    for number, row in enumerate(prepared.rows):
        if row["id"] in seen:
            problems.append(f"{row['id']}: is there twice")
        seen.add(row["id"])
        try:
            example = prepared[number]
        except (MediaError, KeyError, ValueError) as error:
            problems.append(f"{row['id']}: cannot be read from {row['shard']}: {error}")
        else:
            problems += (f"{row['id']}: {what}" for what in _wrong(example, row, shape, prepared))
        report(Step(STAGE, number + 1, len(prepared)))
    counted = prepared.facts.get("windows")
    if counted != len(prepared):
        problems.append(f"facts.json tells of {counted} windows, the index of {len(prepared)}")
    shards = {folder / row["shard"] for row in prepared.rows}
    size = sum(path.stat().st_size for path in shards if path.is_file())
    return Checked(folder, len(prepared), len(shards), size, tuple(problems))


def _wrong(
    example: Example, row: dict[str, Any], shape: tuple[int, ...], prepared: PreparedClips
) -> list[str]:
    found = []
    if tuple(example.mel.shape) != shape:
        found.append(f"its mel is {tuple(example.mel.shape)}, not {shape}")
    if not torch.isfinite(example.mel).all():
        found.append("its mel has values that are no numbers")
    window_s = float(prepared.window_s)
    if not 0 < example.seconds <= window_s + 1e-6:
        found.append(f"it is {example.seconds:g} s of a window of {window_s:g} s")
    for name, part in (("picture", example.features.picture), ("flow", example.features.flow)):
        if part is None:
            continue
        if not torch.isfinite(part.tokens).all():
            found.append(f"its {name} has values that are no numbers")
        times = part.times_s
        if len(times) and not (
            bool((times.diff() >= 0).all()) and times[0] >= 0 and times[-1] < window_s + 1e-6
        ):
            found.append(f"the times of its {name} do not ascend within the window")
        if name == "picture" and row["frames"] and not len(part):
            found.append("it has frames but no tokens")
    words = example.features.words
    if words is not None and not torch.isfinite(words).all():
        found.append("its words have values that are no numbers")
    return found
