"""Runs the command as a person does: another process, its own folder, its own streams."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
REAL = [sys.executable, "-m", "vtacli"]
FAKE = [sys.executable, str(ROOT / "tests" / "fakes.py")]
PATIENCE_S = 240


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def answer(self):
        return json.loads(self.out)


def environment(**more: str) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("VTA_", "FORCE_", "_VTA"))}
    kept |= {k: v for k, v in os.environ.items() if k == "VTA_CACHE_DIR"}
    # what a command makes is made anew, unless a test is about what is kept
    alone = {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "VTA_CACHE_LIMIT": "0"}
    return {**kept, **alone, **more}


def vta(*arguments: object, program=REAL, cwd: Path | None = None, **env: str) -> Said:
    """Run to the end. Raises TimeoutExpired where the command hangs."""
    done = subprocess.run(
        [*program, *map(str, arguments)],
        cwd=cwd,
        env=environment(**env),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=PATIENCE_S,
    )
    return Said(done.returncode, done.stdout.decode(), done.stderr.decode())
