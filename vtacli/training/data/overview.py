"""What a list of clips, or a prepared folder, holds: counts for a person and for a program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from vtacli.training.data.clip import SPLITS, Clip
from vtacli.training.data.prepared import PreparedClips

COMMONEST = 10


def listed(clips: Sequence[Clip]) -> dict[str, Any]:
    """Of a list: clips, sources, splits, captions, files that are not there."""
    captions = Counter(clip.caption for clip in clips if clip.caption)
    files = {file for clip in clips for file in (clip.film, clip.sound) if file is not None}
    missing = sorted(str(file) for file in files if not file.is_file())
    return {
        "clips": len(clips),
        "sources": len({clip.source for clip in clips}),
        "files": len(files),
        "missing": len(missing),
        "missing_files": missing[:COMMONEST],
        "with_captions": sum(captions.values()),
        "captions": dict(captions.most_common(COMMONEST)),
        "different_captions": len(captions),
        "without_picture": sum(clip.film is None for clip in clips),
        "splits": {name: sum(clip.split == name for clip in clips) for name in SPLITS},
    }


def prepared(folder: Path) -> dict[str, Any]:
    """Of a prepared folder: its facts, and counts from its index; no shard is read."""
    found = PreparedClips(folder)
    seconds = [row["seconds"] for row in found.rows]
    captions = Counter(row["caption"] for row in found.rows if row["caption"])
    shards = {row["shard"] for row in found.rows}
    size = sum((folder / name).stat().st_size for name in shards if (folder / name).is_file())
    return {
        "folder": str(folder),
        "facts": found.facts,
        "windows": len(found),
        "clips": len({row["clip"] for row in found.rows}),
        "sources": len({row["source"] for row in found.rows}),
        "seconds": round(sum(seconds), 3),
        "median_seconds": round(median(seconds), 3) if seconds else None,
        "padded": sum(s < float(found.window_s) - 1e-6 for s in seconds),
        "with_captions": sum(captions.values()),
        "captions": dict(captions.most_common(COMMONEST)),
        "without_picture": sum(not row["frames"] for row in found.rows),
        "splits": dict(Counter(found.split_of(row) for row in found.rows)),
        "shards": len(shards),
        "bytes": size,
    }
