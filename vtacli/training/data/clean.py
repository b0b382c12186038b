"""Cleaning: every clip scored, and those left out that fall under a threshold.

Scores are appended to a file as they are made, so that a run that was stopped goes on; the same
file then serves other thresholds in an instant.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from vtacli.errors import ConfigError, StorageError
from vtacli.media.staging import Staging
from vtacli.progress import Note, Report, Step, ignore
from vtacli.training.data.chunks import identity
from vtacli.training.data.clip import Clip
from vtacli.training.data.crew import Begun, work_through
from vtacli.training.data.scores import Ears, Scores
from vtacli.training.data.settings import digest_of
from vtacli.training.data.work import threads_kept

STAGE = "clean"
SCORES = ("av_align", "words", "picture", "imagebind", "clap", "peak_db")


@dataclass(frozen=True)
class Limits:
    """The lowest scores that a kept clip may have; None: whatever it is. ``keep_unknown``: a clip
    of which a score cannot be told (no caption, no peak on either side) is kept."""

    av_align: float | None = None
    words: float | None = None
    picture: float | None = None
    peak_db: float | None = -60.0
    keep_unknown: bool = True
    imagebind: float | None = None
    clap: float | None = None

    def __post_init__(self) -> None:
        for name in SCORES:
            value = getattr(self, name)
            if value is not None and not isfinite(value):
                raise ConfigError(f"The threshold of {name} is a number, not {value}.")

    def against(self, scores: Scores) -> str | None:
        """Why a clip is left out: the first score that is under its threshold. None: it is kept.
        A clip that could not be scored at all is left out as ``failed``."""
        if "reason" in scores:
            return "failed"
        for name in SCORES:
            least, value = getattr(self, name), scores.get(name)
            if least is None:
                continue
            if value is None:
                silent = name == "peak_db"  # a peak of nothing at all is known very well
                if silent or not self.keep_unknown:
                    return name
            elif value < least:
                return name
        return None


@dataclass(frozen=True)
class Cleaned:
    """``scores``: a row for each clip, in the manifest's order. ``verdicts``: the score that put
    it out, or None."""

    clips: tuple[Clip, ...]
    scores: tuple[Scores, ...]
    verdicts: tuple[str | None, ...]
    facts: dict[str, Any]
    limits: Limits

    @property
    def kept(self) -> list[Clip]:
        return [c for c, why in zip(self.clips, self.verdicts, strict=True) if why is None]

    @property
    def failures(self) -> list[Scores]:
        return [row for row in self.scores if "reason" in row]

    @property
    def dropped(self) -> dict[str, int]:
        """How many each score put out, failures among them."""
        return dict(Counter(why for why in self.verdicts if why is not None))

    def values(self, name: str) -> list[float]:
        """The known scores of that name."""
        return [row[name] for row in self.scores if row.get(name) is not None]

    def quantiles(self, name: str) -> list[float] | None:
        """The 5th, 25th, 50th, 75th and 95th percentile; None where no clip has the score."""
        values = self.values(name)
        if not values:
            return None
        return [round(float(q), 4) for q in np.percentile(values, [5, 25, 50, 75, 95])]

    def to_dict(self) -> dict[str, Any]:
        return {
            "clips": len(self.clips),
            "kept": len(self.kept),
            "dropped": self.dropped,
            "versions": self.facts,
            "limits": {name: getattr(self.limits, name) for name in (*SCORES, "keep_unknown")},
            "percentiles": {name: self.quantiles(name) for name in SCORES},
            "failed": len(self.failures),
            "failures": self.failures,
        }


def score_clips(
    clips: Sequence[Clip],
    ears: Ears,
    limits: Limits,
    *,
    log: Path | None = None,
    workers: int = 1,
    report: Report = ignore,
) -> Cleaned:
    """Score every clip, and say which are kept.

    ``log``: the file that scores are kept in while they are made; those of the same clips, files
    and versions in it are not made again. Raises StorageError where it cannot be written.
    """
    facts = ears.facts()
    keys = [digest_of([facts, identity(clip)]) for clip in clips]
    known = _read_log(log) if log is not None else {}
    todo = [n for n, key in enumerate(keys) if key not in known]
    if len(todo) < len(clips):
        report(Note(f"{len(clips) - len(todo)} of {len(clips)} clips were scored before"))
    done = len(clips) - len(todo)
    report(Step(STAGE, done, len(clips)))
    with threads_kept():
        for event in work_through(ears, [clips[n] for n in todo], workers):
            if isinstance(event, Begun):
                continue
            key = keys[todo[event.job]]
            known[key] = event.result
            if log is not None:
                _append(log, {"key": key, **event.result})
            done += 1
            report(Step(STAGE, done, len(clips), event.result["clip"]))
    scores = tuple(known[key] for key in keys)
    if log is not None:
        _write_log(log, keys, scores)
    verdicts = tuple(limits.against(row) for row in scores)
    return Cleaned(tuple(clips), scores, verdicts, facts, limits)


def _read_log(path: Path) -> dict[str, Scores]:
    """Whole lines; what was cut off by a kill is made again."""
    if not path.is_file():
        return {}
    known: dict[str, Scores] = {}
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            row = json.loads(line)
            known[row.pop("key")] = row
        except (ValueError, KeyError, AttributeError):
            continue
    return known


def _append(path: Path, row: dict[str, Any]) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write("\n" if _torn(path) else "")
            file.write(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n")
    except OSError as error:
        raise StorageError(
            f"The scores could not be written: {error.strerror}.", path=path
        ) from error


def _torn(path: Path) -> bool:
    """Whether the last line was cut off."""
    with path.open("rb") as file:
        file.seek(0, 2)
        if not file.tell():
            return False
        file.seek(-1, 2)
        return file.read(1) != b"\n"


def _write_log(path: Path, keys: Sequence[str], scores: Sequence[Scores]) -> None:
    lines = [
        json.dumps({"key": key, **row}, ensure_ascii=False, sort_keys=True)
        for key, row in zip(keys, scores, strict=True)
    ]
    with Staging(overwrite=True) as staging:
        staging.part(path).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
