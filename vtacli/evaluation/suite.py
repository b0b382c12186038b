"""The use case: a model in, its figures beside what it is held to out.

Sections run one after the other; each keeps what it measured as it goes, so that a run that was
cut goes on where it was, and a section that is asked for alone finds what others left.
"""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from vtacli import __version__
from vtacli.errors import OutputError, printable
from vtacli.evaluation import clips, hits, likeness, nearness, parts, silence, speed, words
from vtacli.evaluation.figures import Figure
from vtacli.evaluation.page import write_page
from vtacli.evaluation.sections import SECTIONS
from vtacli.evaluation.study import EDITION, Result, Study
from vtacli.progress import Step

MEASURES: dict[str, Callable[[Study], Result]] = {
    "hits": hits.measure,
    "words": words.measure,
    "distance": nearness.measure,
    "parts": parts.measure,
    "speed": speed.measure,
    "silence": silence.measure,
    "likeness": likeness.measure,
    "clips": clips.measure,
}

OVERALL = "evaluate"


@dataclass
class Scores:
    """Everything that an evaluation found, as JSON values but for the figures."""

    figures: list[Figure] = field(default_factory=list)
    sections: dict[str, dict[str, Any]] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)

    @property
    def falling_short(self) -> list[Figure]:
        return [f for f in self.figures if f.holds is False]

    def to_dict(self, *, whole: bool = True) -> dict[str, Any]:
        """``whole``: with every item that was measured."""
        answer = {
            **self.about,
            "holds": not self.falling_short,
            "figures": [f.to_dict() for f in self.figures],
        }
        return {**answer, "sections": self.sections} if whole else answer


def check_output(study: Study) -> None:
    """Make the folder of the results. Raises OutputError where that cannot be."""
    try:
        study.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise OutputError(f"The folder cannot be made: {reason}.", path=study.out) from error
    if not os.access(study.out, os.W_OK | os.X_OK):
        raise OutputError("The folder may not be written to.", path=study.out)


def evaluate(study: Study, sections: Sequence[str]) -> Scores:
    """Measure the sections, and write ``scores.json`` and ``index.html`` into the study's folder.

    Raises the errors of :mod:`vtacli.errors`. However it ends, what was measured is kept.
    """
    check_output(study)
    if study.catalogue is None:
        study.warn(
            "Without --sounds nothing is held against true sound: those figures are left out."
        )
    scores = Scores()
    total = sum(SECTIONS[name] for name in sections)
    done = 0.0
    seconds: dict[str, float] = {}
    for name in sections:
        weight = SECTIONS[name]

        def overall(
            share: float, before: float = done, weight: float = weight, name: str = name
        ) -> None:
            study.report(Step(OVERALL, round(before + weight * share, 3), total, name))

        study.overall = overall
        overall(0.0)
        began = time.perf_counter()
        result = MEASURES[name](study)
        seconds[name] = round(time.perf_counter() - began, 2)
        done += weight
        scores.figures += result.figures
        scores.sections[name] = result.details
    study.report(Step(OVERALL, total, total))
    scores.about = about(study, sections, seconds)
    write_json(study.out / "scores.json", scores.to_dict())
    write_page(study.out, scores)
    return scores


def about(study: Study, sections: Sequence[str], seconds: dict[str, float]) -> dict[str, Any]:
    """What was measured, of what, where and with what."""
    return {
        "program": f"vta {__version__}",
        "edition": EDITION,
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "model": {
            "name": study.handle.name,
            "variant": study.handle.variant.name,
            "sha256": study.fingerprint,
        },
        "sections_run": list(sections),
        "settings": study.settings,
        "seconds": seconds,
        "machine": machine(),
        "recordings": {
            "manifests_sha256": study.catalogue.digest if study.catalogue else None,
            "used": {what: sorted(files) for what, files in study.used.items()},
        },
    }


def machine() -> dict[str, Any]:
    """What the figures of time depend on, and the versions that all figures depend on."""
    import torch

    packages = ("torch", "diffusers", "numpy", "scipy", "av", "pymunk")
    versions: dict[str, str | None] = {}
    for name in packages:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            versions[name] = None
    return {
        "processor": _processor(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "load": [round(x, 2) for x in os.getloadavg()] if hasattr(os, "getloadavg") else None,
        "python": platform.python_version(),
        "packages": versions,
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        return platform.processor() or "unknown"


def write_json(path: Path, answer: dict[str, Any]) -> None:
    """Written whole or not at all. Raises OutputError."""
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_text(
            json.dumps(answer, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8"
        )
        partial.replace(path)
    except OSError as error:
        raise OutputError(
            f"The scores cannot be written: {printable(error.strerror or '')}.", path=path
        ) from error
