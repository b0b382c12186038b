"""``vta data prepare``: a list of clips becomes a folder that training reads.

::

    DIR/
      facts.json       settings, encoder, counts: what the numbers mean
      index.jsonl      a line for each window: clip, words, times, and where its tensors are
      report.json      every clip that gave nothing, with its reason
      shards/SETTINGS/NAME.safetensors

Shards are named by what is in them and written in one step, so a run that was killed goes on where
it was and ends with the same bytes; one with other settings makes shards of its own and leaves the
old ones alone. The index appears when all shards are there.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

import vtacli
from vtacli.errors import ConfigError, LockHeld, StorageError
from vtacli.media.staging import Staging
from vtacli.progress import Note, Report, Step, ignore
from vtacli.training.data.chunks import Chunk, chunks_of
from vtacli.training.data.clip import Clip
from vtacli.training.data.crew import Begun, work_through
from vtacli.training.data.encoding import EncoderChoice, facts_of
from vtacli.training.data.estimate import Estimate, estimate
from vtacli.training.data.prepared import FACTS, INDEX
from vtacli.training.data.settings import Settings
from vtacli.training.data.shard import SUFFIX, read_story
from vtacli.training.data.work import Bench, Row, threads_kept

REPORT, SHARDS, LOCK = "report.json", "shards", ".lock"
STAGE = "prepare"


@dataclass(frozen=True)
class Prepared:
    """What a run made. ``windows``: in the index; ``seconds``: of sound in them, padding aside;
    ``made``, ``reused``: shards; ``stale_bytes``: of shards that other settings or files left."""

    folder: Path
    clips: int
    windows: int
    seconds: float
    made: int
    reused: int
    bytes: int
    stale_bytes: int
    failures: tuple[Row, ...]

    @property
    def reasons(self) -> list[tuple[str, int]]:
        """Why clips gave nothing, the commonest reason first."""
        return Counter(row["reason"] for row in self.failures).most_common()

    def to_dict(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "clips": self.clips,
            "windows": self.windows,
            "seconds": round(self.seconds, 3),
            "shards": {"made": self.made, "reused": self.reused},
            "bytes": self.bytes,
            "stale_bytes": self.stale_bytes,
            "failed": len(self.failures),
            "failures": list(self.failures),
            "report": str(self.folder / REPORT),
        }


def plan(
    clips: Sequence[Clip], choice: EncoderChoice, settings: Settings, folder: Path
) -> tuple[Settings, Estimate]:
    """The settings with what names the opened encoder, and what preparing will take."""
    if not clips:
        raise ConfigError("There is no clip to prepare.")
    maker = choice.open()
    settings = replace(settings, encoder=facts_of(maker))
    return settings, estimate(clips, maker, settings, folder)


def prepare(
    clips: Sequence[Clip],
    folder: Path,
    choice: EncoderChoice,
    settings: Settings | None = None,
    *,
    workers: int = 1,
    shard_clips: int | None = None,
    retry: bool = False,
    prune: bool = False,
    report: Report = ignore,
) -> Prepared:
    """Prepare all clips, or go on where an earlier run was left.

    ``workers``: processes; 0 for this one. ``shard_clips``: clips in a shard in the mean.
    ``retry``: shards in which a clip failed are made again. ``prune``: shards that this run does
    not use are deleted at the end.

    A clip that cannot be used is left out and told in ``failures``. Raises StorageError before
    anything is done where the disk has not enough room, LockHeld where another process prepares
    into the same folder, and the errors of :meth:`EncoderChoice.open`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(folder):
        settings, cost = plan(clips, choice, settings or Settings(), folder)
        report(Note(cost.sentence()))
        shards = folder / SHARDS / settings.digest
        shards.mkdir(parents=True, exist_ok=True)
        _sweep(folder)
        _sweep(shards)
        chunks = chunks_of(clips, settings.digest, shard_clips)
        todo = [c for c in chunks if not _is_there(shards / (c.name + SUFFIX), retry)]
        left = sum(len(c.clips) for c in todo)
        done = len(clips) - left
        if done:
            report(Note(f"{done} of {len(clips)} clips are there already"))
        _check_room(cost.bytes * left // len(clips), cost.free_bytes, folder)
        with threads_kept():
            _make(Bench(choice, settings, shards), todo, workers, done, len(clips), report)
        return _publish(folder, clips, chunks, len(todo), settings, prune)


def _check_room(needed: int, free: int, folder: Path) -> None:
    if needed > free:
        raise StorageError(
            f"About {needed / 1e9:.1f} GB are needed, {free / 1e9:.1f} GB free.",
            path=folder,
            hint="Free some space, or prepare elsewhere.",
        )


def _make(
    bench: Bench, todo: Sequence[Chunk], workers: int, done: int, total: int, report: Report
) -> None:
    report(Step(STAGE, done, total))
    begun: set[str] = set()
    finished = done
    try:
        for event in work_through(bench, todo, workers):
            if isinstance(event, Begun):
                begun.add(event.item)
                # what is begun is nearly done: a shard of many clips moves the bar as well
                at = max(finished, done + len(begun) - max(workers, 1))
                report(Step(STAGE, at, total, event.item))
            else:
                finished += len(todo[event.job].clips)
    finally:
        _sweep(bench.folder)
    report(Step(STAGE, total, total))


def _is_there(path: Path, retry: bool) -> bool:
    """Whether a shard need not be made. One that is broken is made anew."""
    if not path.is_file():
        return False
    try:
        story = read_story(path)
    except Exception:  # whatever is wrong with it, another takes its place
        return False
    return not (retry and story.failures)


def _publish(
    folder: Path,
    clips: Sequence[Clip],
    chunks: Sequence[Chunk],
    made: int,
    settings: Settings,
    prune: bool,
) -> Prepared:
    """The index in the manifest's order, the facts and the report, all three at once."""
    shards = folder / SHARDS / settings.digest
    rows: dict[str, list[Row]] = {}
    failures: dict[str, Row] = {}
    for chunk in chunks:
        path = shards / (chunk.name + SUFFIX)
        story = read_story(path)
        for number, row in enumerate(story.rows):
            place = {"shard": path.relative_to(folder).as_posix(), "row": number}
            rows.setdefault(row["clip"], []).append({**row, **place})
        failures |= {row["clip"]: row for row in story.failures}
    index = [
        {**row, **({} if clip.split is None else {"split": clip.split})}
        for clip in clips
        for row in rows.get(clip.id, ())
    ]
    failed = tuple(failures[clip.id] for clip in clips if clip.id in failures)
    used = {shards / (chunk.name + SUFFIX) for chunk in chunks}
    seconds = sum(row["seconds"] for row in index)
    facts = {
        **settings.facts(),
        "settings": settings.digest,
        "clips": len(clips),
        "failed": len(failed),
        "windows": len(index),
        "seconds": round(seconds, 3),
        "vta": vtacli.__version__,
        "torch": torch.__version__,
    }
    report = {"clips": len(clips), "failed": len(failed), "failures": list(failed)}
    texts = {
        FACTS: json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False) + "\n",
        INDEX: "".join(json.dumps(r, sort_keys=True, ensure_ascii=False) + "\n" for r in index),
        REPORT: json.dumps(report, indent=1, sort_keys=True, ensure_ascii=False) + "\n",
    }
    with Staging(overwrite=True) as staging:
        for name, text in texts.items():
            staging.part(folder / name).write_text(text, encoding="utf-8")
    stale = _stale(folder, used, prune)
    return Prepared(
        folder=folder,
        clips=len(clips),
        windows=len(index),
        seconds=seconds,
        made=made,
        reused=len(chunks) - made,
        bytes=sum(path.stat().st_size for path in used),
        stale_bytes=stale,
        failures=failed,
    )


def _stale(folder: Path, used: set[Path], prune: bool) -> int:
    """How many bytes the shards take that nothing points to; none after they were pruned."""
    old = [p for p in (folder / SHARDS).rglob(f"*{SUFFIX}") if p not in used]
    total = sum(path.stat().st_size for path in old)
    if not prune:
        return total
    for path in old:
        path.unlink()
    for place in (folder / SHARDS).iterdir():
        if place.is_dir() and not any(place.iterdir()):
            shutil.rmtree(place)
    return 0


def _sweep(folder: Path) -> None:
    """Delete what a process left that was killed while it wrote."""
    for part in folder.glob(".vta-*"):
        part.unlink(missing_ok=True)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    lock = FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise LockHeld(
            "Another process prepares clips into this folder.",
            path=folder,
            hint="Wait for it, or give another folder with -o.",
        ) from None
    try:
        yield
    finally:
        lock.release()
