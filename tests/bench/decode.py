"""One decode pass (frames, cuts, motion) against ffmpeg's own decode and scale of the same film.

    python tests/bench/decode.py FILM [FILM ...]

Prints a table row per film: the pass, ``ffmpeg -i IN -vf fps=2,scale=224:-2 -f null -``, and their
ratio (median of the ratios of interleaved pairs).
"""

from __future__ import annotations

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


def seconds_of_pass(path: Path) -> float:
    start = time.perf_counter()
    found = analyse(probe(path), frames_per_second=Fraction(2))
    assert found.frames is not None
    found.frames.close()
    return time.perf_counter() - start


def seconds_of_ffmpeg(path: Path) -> float:
    command = [find_ffmpeg(), "-v", "error", "-nostdin", "-i", f"file:{path}"]
    command += ["-vf", "fps=2,scale=224:-2", "-f", "null", "-"]
    start = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - start


def main(paths: list[str]) -> int:
    if not paths:
        print(__doc__)
        return 2
    print("| film | length (s) | pass (s) | ffmpeg (s) | ratio |")
    print("|---|---|---|---|---|")
    for name in paths:
        path = Path(name)
        seconds_of_pass(path), seconds_of_ffmpeg(path)
        pairs = [(seconds_of_pass(path), seconds_of_ffmpeg(path)) for _ in range(REPEATS)]
        ours, theirs = median(p[0] for p in pairs), median(p[1] for p in pairs)
        ratio = median(a / b for a, b in pairs)
        length = float(probe(path).duration_s)
        print(f"| {path.name} | {length:.1f} | {ours:.2f} | {theirs:.2f} | {ratio:.2f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
