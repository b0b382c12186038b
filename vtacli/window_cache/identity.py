"""Which model it is, by what its files hold: a hash that is worked out once for each file."""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from hashlib import file_digest, sha256
from pathlib import Path

from vtacli.window_cache.key import digest_of

MEMOS = "models"
SETTLED_NS = 2_000_000_000
"""A file that was changed so shortly ago may change again within the clock's own steps."""
_ABOUT = ("LICENSE", "LICENCE", "NOTICE", "README", "files.json")


def model_hash(folder: Path, cache: Path) -> str:
    """A hash over the names and contents of a model's files, but for words about it.

    ``cache``: the folder that remembers the hash of a file, by path, size, time of change and
    inode, so that gigabytes are read once. Raises OSError where a file cannot be read.
    """
    root = folder.resolve()
    memo_path = cache / MEMOS / f"{sha256(os.fsencode(root)).hexdigest()[:32]}.json"
    memo = _read(memo_path)
    fresh: dict[str, list[int | str]] = {}
    parts: list[tuple[str, str]] = []
    for path in sorted(root.rglob("*")):
        name = path.relative_to(root)
        if any(part.startswith(".") for part in name.parts) or _is_about(path) or path.is_dir():
            continue
        stamp = _stamp(path)
        known = memo.get(name.as_posix())
        if known is not None and known[:-1] == stamp:
            digest = str(known[-1])
        else:
            with path.open("rb") as file:
                digest = file_digest(file, "sha256").hexdigest()
            stamp = stamp if stamp == _stamp(path) else []
        parts.append((name.as_posix(), digest))
        if stamp and time.time_ns() - int(stamp[1]) > SETTLED_NS:
            fresh[name.as_posix()] = [*stamp, digest]
    if fresh != memo:
        _write(memo_path, fresh)
    return digest_of("model", parts)


def _is_about(path: Path) -> bool:
    return path.suffix == ".md" or path.name.startswith(_ABOUT)


def _stamp(path: Path) -> list[int | str]:
    found = path.stat()
    return [found.st_size, found.st_mtime_ns, found.st_ino, found.st_dev]


def _read(path: Path) -> dict[str, list[int | str]]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(said, dict):
        return {}
    return {k: v for k, v in said.items() if isinstance(v, list) and len(v) == 5}


def _write(path: Path, memo: dict[str, list[int | str]]) -> None:
    """What is not remembered is worked out again."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    with suppress(OSError):
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        try:
            part.write_text(json.dumps(memo), encoding="utf-8")
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)
