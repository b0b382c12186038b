"""Films of simulated scenes, whose strikes are known to a millisecond, as real mp4 files."""

from __future__ import annotations

import hashlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from vtacli.errors import StorageError, ToolError
from vtacli.evaluation import distractors, strikers
from vtacli.evaluation.looks import Look, look_of
from vtacli.evaluation.performance import Performance, poses_of
from vtacli.evaluation.walking import walking
from vtacli.media.ffmpeg import ffmpeg_version, find_ffmpeg
from vtacli.media.probe import probe
from vtacli.media.video import analyse
from vtacli.progress import Report, Step, ignore
from vtacli.signal.media import Curve

EDITION = 1
"""Changes with anything that changes the films, so that old ones are not taken for new."""

DURATION_S = 10.24

Play = Callable[[np.random.Generator, float], Performance]

STRIKING: dict[str, Play] = {
    "ball": strikers.balls,
    "boxes": strikers.boxes,
    "hammer": strikers.hammer,
    "drumsticks": strikers.drumsticks,
    "pendulum": strikers.pendulum,
    "skittles": strikers.skittles,
    "walk": walking,
    "door": strikers.door,
}
DISTRACTING: dict[str, Play] = {
    "waving": distractors.waving,
    "passing": distractors.passing,
    "floating": distractors.floating,
    "scenery": distractors.scenery,
}
KINDS = tuple(STRIKING | DISTRACTING)


KEPT_FOR_MEASURING = 10_000
"""Films of seeds from here on are for measuring: nothing may learn from them."""


@dataclass(frozen=True)
class Render:
    """A film and its truth.

    ``hits``: (time in s, strength in (0, 1]) of every visible strike, in order, 50 ms apart or
    more; none for the distracting kinds. ``seed``: the one that the batch was asked with.
    ``prompt``: what would be heard.
    """

    film: Path
    hits: tuple[tuple[float, float], ...]
    duration_s: float
    kind: str
    seed: int
    prompt: str


def make_renders(
    folder: Path, count: int, seed: int, report: Report = ignore, *, duration_s: float = DURATION_S
) -> list[Render]:
    """``count`` films in ``folder``, in turn of each of :data:`KINDS`.

    Film i depends on (seed, i, duration) alone. A film that is there already, as its sidecar
    (the same name, ``.json``) says, is not made again. About a second of work each.

    Raises ConfigError without pymunk, ToolError where ffmpeg fails, StorageError where the folder
    cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"The folder cannot be made: {error}.", path=folder) from error
    renders = []
    for i in range(count):
        renders.append(_render(folder, seed, i, duration_s))
        report(Step("renders", i + 1, count))
    return renders


def motion_of(film: Path) -> Curve:
    """The motion curve of a film, by the same decode pass that ``vta generate`` makes."""
    return analyse(probe(film), frames_per_second=None).motion


def _render(folder: Path, seed: int, i: int, duration_s: float) -> Render:
    kind = KINDS[i % len(KINDS)]
    film = folder / f"{seed}-{i:04d}-{kind}.mp4"
    sidecar = film.with_suffix(".json")
    asked = {"edition": EDITION, "seed": seed, "i": i, "duration_s": duration_s}
    told = _told(film, sidecar, asked)
    if told is None:
        told = {"asked": asked, **_make(film, seed, i, duration_s)}
        told["sha256"] = hashlib.sha256(film.read_bytes()).hexdigest()
        _write(sidecar, json.dumps(told, indent=1))
    hits = tuple((float(t), float(s)) for t, s in told["hits"])
    return Render(film, hits, told["duration_s"], kind, seed, told["prompt"])


def _told(film: Path, sidecar: Path, asked: dict[str, Any]) -> dict[str, Any] | None:
    """What the sidecar says, if it speaks of this very film."""
    with suppress(OSError, ValueError, KeyError):
        told: dict[str, Any] = json.loads(sidecar.read_text(encoding="utf-8"))
        if told["asked"] == asked:
            whole = hashlib.sha256(film.read_bytes()).hexdigest() == told["sha256"]
            return told if whole else None
    return None


def staged(seed: int, i: int, duration_s: float) -> tuple[Performance, Look, np.random.Generator]:
    """What film i of a seed shows, how it is shot, and the generator for what is left to chance."""
    kind = KINDS[i % len(KINDS)]
    rng = np.random.default_rng([EDITION, seed, i])
    play = (STRIKING | DISTRACTING)[kind](rng, duration_s)
    if kind not in ("floating", "scenery") and rng.random() < 0.25:
        aside = distractors.floater(rng, poses_of(duration_s), 1)
        play = replace(play, actors=[aside, *play.actors])
    return play, look_of(rng, duration_s, restless=kind == "scenery"), rng


def _make(film: Path, seed: int, i: int, duration_s: float) -> dict[str, Any]:
    from vtacli.evaluation.drawing import Painter

    play, look, rng = staged(seed, i, duration_s)
    count = round(duration_s * look.rate)
    shown_s = float(count / look.rate)
    _encode(film, look, Painter(play, look, rng).pictures(count))
    hits = [(round(t, 4), round(s, 3)) for t, s in play.hits if t < shown_s]
    return {
        "duration_s": shown_s,
        "hits": hits,
        "prompt": play.prompt,
        "rate": str(look.rate),
        "size": look.size,
        "ground": look.ground,
        "shutter": look.shutter,
        "grain": look.grain,
        "cut_s": look.cut_s,
        "crf": look.crf,
    }


def _encode(film: Path, look: Look, pictures: Iterator[Any]) -> None:
    """H.264 in mp4, under a temporary name until it is whole."""
    import cv2

    program = find_ffmpeg()
    ffmpeg_version(program)
    width, height = look.size
    partial = film.with_suffix(".part")
    command = [program, "-hide_banner", "-loglevel", "error", "-y", "-f", "rawvideo"]
    command += ["-pix_fmt", "yuv420p", "-s", f"{width}x{height}", "-r", str(look.rate), "-i", "-"]
    command += ["-c:v", "libx264", "-preset", "veryfast", "-crf", str(look.crf), "-threads", "1"]
    command += ["-f", "mp4", f"file:{partial}"]
    with tempfile.TemporaryFile() as words:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=words)
        assert child.stdin is not None
        try:
            with suppress(BrokenPipeError):
                for picture in pictures:
                    child.stdin.write(cv2.cvtColor(picture, cv2.COLOR_BGR2YUV_I420).data)
                child.stdin.close()
            code = child.wait()
        except BaseException:
            child.kill()
            child.wait()
            partial.unlink(missing_ok=True)
            raise
        if code:
            words.seek(0)
            partial.unlink(missing_ok=True)
            said = words.read().decode(errors="replace").strip().splitlines()
            raise ToolError(f"ffmpeg failed with code {code}: {' | '.join(said[-3:])}", path=film)
    partial.replace(film)


def _write(path: Path, text: str) -> None:
    partial = path.with_suffix(".part-json")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise StorageError(f"The sidecar cannot be written: {error}.", path=path) from error
