"""Whether this machine can do the work: each question asked of the real thing."""

from __future__ import annotations

import platform
import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from vtacli.errors import VtaError
from vtacli.progress import Report, Step

if TYPE_CHECKING:
    from vtacli.models import ModelHandle

LOW_DISK_BYTES = 2 * 1000**3
TEST_S = 0.5


@dataclass(frozen=True)
class Check:
    """One question, whether the answer is good, and what was found."""

    name: str
    ok: bool
    found: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def examine(find: Callable[[], ModelHandle], report: Report) -> list[Check]:
    """All checks. None of them raises: what went wrong is what was found."""
    checks = []
    for name, ask in (
        ("python", _python),
        ("packages", _packages),
        ("ffmpeg", _ffmpeg),
        ("devices", _devices),
        ("disk", _disk),
    ):
        report(Step(f"check {name}", 0, 1))
        checks.append(_asked(name, ask))
    checks += _model(find, report)
    return checks


def _asked(name: str, ask: Callable[[], tuple[bool, str]]) -> Check:
    try:
        return Check(name, *ask())
    except VtaError as error:
        return Check(name, False, str(error))
    except Exception as error:  # a broken installation may raise anything
        return Check(name, False, f"{type(error).__name__}: {error}".splitlines()[0])


def _python() -> tuple[bool, str]:
    return sys.version_info >= (3, 11), f"{platform.python_version()} on {platform.platform()}"


def _packages() -> tuple[bool, str]:
    from packaging.requirements import Requirement

    try:
        wanted = metadata.requires("vta") or []
    except metadata.PackageNotFoundError:
        return False, "vta itself is not installed: run `pip install -e .` in its folder"
    wrong, count = [], 0
    for text in wanted:
        needed = Requirement(text)
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        count += 1
        try:
            version = metadata.version(needed.name)
        except metadata.PackageNotFoundError:
            wrong.append(f"{needed.name} is missing")
            continue
        if not needed.specifier.contains(version, prereleases=True):
            wrong.append(f"{needed.name} {version} is not {needed.specifier}")
    return not wrong, "; ".join(wrong) or f"{count}, all of versions that are supported"


def _ffmpeg() -> tuple[bool, str]:
    from vtacli.media.ffmpeg import ffmpeg_version, find_ffmpeg

    program = find_ffmpeg()
    return True, f"{ffmpeg_version(program)}, {program}"


def _devices() -> tuple[bool, str]:
    import torch

    found = [f"cpu, {torch.get_num_threads()} threads"]
    for i in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(i)
        found.append(f"cuda:{i} {card.name}, {card.total_memory / 1e9:.0f} GB")
    if torch.backends.mps.is_available():
        found.append("mps")
    return True, f"{'; '.join(found)} (torch {torch.__version__})"


def _disk() -> tuple[bool, str]:
    free = shutil.disk_usage(Path.cwd()).free
    return free > LOW_DISK_BYTES, f"{free / 1e9:.1f} GB free in {Path.cwd()}"


def _model(find: Callable[[], ModelHandle], report: Report) -> Iterator[Check]:
    handles: list[ModelHandle] = []

    def found() -> tuple[bool, str]:
        handle = find()
        handle.check_device()
        handles.append(handle)
        size = f"{handle.weights_bytes / 1e6:.0f} MB"
        return True, f"{handle.name} ({handle.variant.name}), {size}, {handle.variant.licence}"

    report(Step("check weights", 0, 1))
    yield _asked("weights", found)
    for handle in handles:
        report(Step("make half a second of sound", 0, 1))
        yield _asked("sound", lambda handle=handle: _sound(handle))  # type: ignore[misc]


def _sound(handle: ModelHandle) -> tuple[bool, str]:
    """Load the model strictly, and make sound for half a second of a grey picture that moves."""
    from vtacli.model.contract import NoiseKey, Sampling, WindowContent
    from vtacli.signal.media import Curve, Frames
    from vtacli.signal.motion import CHANNELS

    variant = handle.variant
    began = perf_counter()
    model = handle.load()
    loaded = perf_counter()
    size = variant.frame_size_px
    times = np.arange(max(1, round(TEST_S * float(variant.frames_per_second)))) / float(
        variant.frames_per_second
    )
    pictures = np.full((len(times), 3, size, size), 128, np.uint8)
    content = WindowContent(
        frames=Frames(pictures, times),
        duration_s=TEST_S,
        key=NoiseKey(0, 0, 0),
        motion=Curve(
            np.array([0.0, 0.25]),
            np.eye(2, len(CHANNELS), dtype=np.float32),
        ),
    )
    sound = model.generate([content], Sampling(steps=2))[0]
    right = len(sound) == variant.window_samples and bool(np.all(np.isfinite(sound.data)))
    took = f"loaded in {loaded - began:.1f} s, 2 steps in {perf_counter() - loaded:.1f} s"
    return right, took if right else f"{len(sound)} samples, some of them no numbers; {took}"
