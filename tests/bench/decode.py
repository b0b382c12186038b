"""One decode pass (frames, cuts, motion) against ffmpeg's own decode and scale of the same film.

    python tests/bench/decode.py FILM [FILM ...]

Prints a table row per film: the pass, ``ffmpeg -i IN -vf fps=2,scale=224:-2 -f null -``, and their
ratio (median of the ratios of interleaved pairs), in seconds of the clock and of the processor.
The processor's ratio holds on a busy machine too.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from fractions import Fraction
from pathlib import Path
from statistics import median

from vtacli.media.ffmpeg import find_ffmpeg
from vtacli.media.probe import probe
from vtacli.media.video import analyse

REPEATS = 7


def used(who: int) -> float:
    """Seconds of processor time so far."""
    usage = resource.getrusage(who)
    return usage.ru_utime + usage.ru_stime


def time_pass(path: Path) -> tuple[float, float]:
    """(clock, processor) seconds."""
    start, before = time.perf_counter(), used(resource.RUSAGE_SELF)
    found = analyse(probe(path), frames_per_second=Fraction(2))
    assert found.frames is not None
    found.frames.close()
    return time.perf_counter() - start, used(resource.RUSAGE_SELF) - before


def time_ffmpeg(path: Path) -> tuple[float, float]:
    """(clock, processor) seconds."""
    command = [find_ffmpeg(), "-v", "error", "-nostdin", "-i", f"file:{path}"]
    command += ["-vf", "fps=2,scale=224:-2", "-f", "null", "-"]
    start, before = time.perf_counter(), used(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    return time.perf_counter() - start, used(resource.RUSAGE_CHILDREN) - before


def main(paths: list[str]) -> int:
    if not paths:
        print(__doc__)
        return 2
    print("| film | length (s) | pass (s) | ffmpeg (s) | ratio | processor ratio |")
    print("|---|---|---|---|---|---|")
    for name in paths:
        path = Path(name)
        time_pass(path), time_ffmpeg(path)
        pairs = [(time_pass(path), time_ffmpeg(path)) for _ in range(REPEATS)]
        ours, theirs = median(a[0] for a, _ in pairs), median(b[0] for _, b in pairs)
        clock = median(a[0] / b[0] for a, b in pairs)
        processor = median(a[1] / b[1] for a, b in pairs)
        length = float(probe(path).duration_s)
        row = f"{length:.1f} | {ours:.2f} | {theirs:.2f} | {clock:.2f} | {processor:.2f}"
        print(f"| {path.name} | {row} |", flush=True)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
