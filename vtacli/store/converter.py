"""Makes a model's folder of what somebody else made, in a process that may do little else.

Run as ``python -m vtacli.store.converter``: reads one JSON job from stdin, writes one JSON answer
to stdout. Memory is limited before a foreign byte is read. Pickles are read with
``weights_only=True``: nothing in them is run.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from threading import Thread
from typing import Any

from vtacli import errors
from vtacli.errors import VtaError, WeightsRefused
from vtacli.progress import ignore

SPARE_BYTES = 1 << 29
"""Address space beyond the files': for the interpreter's own, and one tensor that is copied."""
UNPACKING_BYTES = 256 << 20
"""The same while an archive is unpacked, which is done block by block."""
SHARE = 3
"""The files are mapped, once as they are and once as they were written, and one is read whole where
its format cannot be mapped."""


def main() -> int:
    """Exit code 0 and what was made, or 1 and the error, as JSON."""
    job = json.loads(sys.stdin.readline())
    Thread(target=_end_with_parent, daemon=True).start()
    try:
        answer = _work(job)
    except VtaError as error:
        answer = _told(error)
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "memory" not in str(error):
            raise
        answer = _told(
            WeightsRefused("it takes more memory than its files' size allows.", path=job["source"])
        )
    sys.stdout.write(json.dumps(answer))
    return 1 if "error" in answer else 0


def _end_with_parent() -> None:
    """A parent that was killed cannot stop us, but its end of the pipe closes: nobody is left to
    give a name to what is made here."""
    while os.read(0, 1024):
        pass
    os._exit(1)


def _work(job: dict[str, Any]) -> dict[str, Any]:
    # everything of ours is imported before the limit: what it takes is not the file's fault
    from vtacli.model.checkpoint import import_published
    from vtacli.store.archives import unpack
    from vtacli.store.folders import PUBLISHED, bytes_in, copy_model, kind_of
    from vtacli.store.manifest import read_manifest, write_manifest
    from vtacli.store.verify import differing, problems

    source, out, scratch = Path(job["source"]), Path(job["out"]), Path(job["scratch"])
    _limit_time(job["limit_s"])
    _limit_memory(UNPACKING_BYTES)
    if source.is_file():
        source = unpack(source, scratch)
    kind = kind_of(source)
    _limit_memory(SHARE * bytes_in(source) + SPARE_BYTES)
    left: list[str] = []
    if kind == PUBLISHED:
        import_published(source, out, summary=job["summary"], variant=job["variant"])
    else:
        manifest = read_manifest(source)
        if manifest and (faults := list(differing(source, manifest.files, ignore))):
            raise WeightsRefused(f"{'; '.join(faults[:3])}.", path=job["source"])
        left = copy_model(source, out)
    wrong = problems(out)
    if wrong:
        raise WeightsRefused("; ".join(wrong[:3]), path=job["source"])
    write_manifest(out, job["origin"])
    return {"kind": kind, "left": left, "peak_bytes": _peak_bytes()}


def _limit_time(limit_s: float) -> None:
    """Processor time, should whoever started this not be there any more to look at the clock."""
    try:
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (int(limit_s) + 1, int(limit_s) + 1))
    except (ImportError, OSError, ValueError):
        return


def _limit_memory(more: int) -> None:
    """Allow so many bytes of address space beyond what is taken now. Does nothing where the
    system does not say or limit it (Windows, macOS)."""
    try:
        import resource

        status = Path("/proc/self/status").read_text(encoding="ascii")
        now = next(int(line.split()[1]) for line in status.splitlines() if "VmSize" in line) << 10
        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (now + more, hard))
    except (ImportError, OSError, StopIteration, ValueError):
        return


def _peak_bytes() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak << 10


def _told(error: VtaError) -> dict[str, Any]:
    return {
        "error": type(error).__name__,
        "message": error.message,
        "path": None if error.path is None else str(error.path),
        "hint": error.hint,
    }


def raised(told: dict[str, Any]) -> VtaError:
    """The error that the other process told of."""
    kind = getattr(errors, str(told["error"]), VtaError)
    made: VtaError = kind(told["message"], path=told["path"], hint=told["hint"])
    return made


if __name__ == "__main__":
    os.environ["HF_HUB_OFFLINE"] = "1"
    sys.exit(main())
