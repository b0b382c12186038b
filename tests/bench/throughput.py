"""Films a minute, ``vta batch`` against ``vta generate``: ``tests/bench/throughput.py FILMS``.

Clips are cut from real films, copied packet by packet, and dubbed with the shipped model, once one
by one and once as a batch. Others may use the machine meanwhile, so the two ways take turns:
a round is one of each, the order changes from round to round, and the ratio is taken inside a
round. ``--one-thread`` gives the single runs the one thread a copy that a batch uses; otherwise
they use torch's own choice, as a person's would. No window comes from the cache.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import imageio_ffmpeg

from vtacli.media.probe import probe

ROOT = Path(__file__).parent.parent.parent


@dataclass(frozen=True)
class Took:
    """Seconds by the clock and of processor."""

    wall_s: float
    cpu_s: float


def cut(source: Path, folder: Path, count: int, seconds: float) -> list[Path]:
    """Up to ``count`` clips of a film that begin at different key frames."""
    clips = []
    whole = int(probe(source).duration_s / seconds)
    for number in range(min(count, max(1, whole))):
        clip = folder / f"{source.stem}-{number}{source.suffix}"
        at = number * seconds
        command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-nostdin", "-y"]
        command += ["-ss", str(at), "-i", f"file:{source}", "-t", str(seconds)]
        command += ["-map", "0:v:0", "-map", "0:a:0?", "-c", "copy", f"file:{clip}"]
        made = subprocess.run(command, capture_output=True, check=False)
        if made.returncode == 0 and clip.stat().st_size > 20_000:
            clips.append(clip)
        else:
            clip.unlink(missing_ok=True)
    return clips


def run(arguments: list[str], threads: str | None) -> None:
    environment = {**os.environ, "VTA_CACHE_LIMIT": "0"}
    environment.pop("OMP_NUM_THREADS", None)
    if threads:
        environment["OMP_NUM_THREADS"] = threads
    done = subprocess.run(
        [sys.executable, "-m", "vtacli", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)


def measured(work) -> Took:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    work()
    wall_s = time.perf_counter() - began
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Took(wall_s, spent)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("films", type=Path, nargs="+", help="films to cut clips from")
    parser.add_argument("--clips", type=int, default=2, help="of each film")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each clip")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--one-thread", action="store_true")
    parser.add_argument("--more", nargs="*", default=[], help="flags for vta batch, such as jobs=3")
    choice = parser.parse_args()
    more = [f"--{flag}" if "=" in flag else flag for flag in choice.more]
    threads = "1" if choice.one_thread else None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        inputs = folder / "in"
        inputs.mkdir()
        clips = [c for f in choice.films for c in cut(f, inputs, choice.clips, choice.seconds)]
        print(f"{len(clips)} clips of {choice.seconds:g} s; load {os.getloadavg()[0]:.1f}")

        def one_by_one(out: Path) -> None:
            out.mkdir()
            for clip in clips:
                run(["generate", str(clip), "-o", str(out / clip.name), "--seed", "1"], threads)

        def batch(out: Path) -> None:
            run(["batch", str(inputs), "-o", str(out), "--seed", "1", *more], None)

        ways = {"one by one": one_by_one, "batch": batch}
        ratios = []
        print(f"{'round':>5} {'way':<12}{'wall s':>9}{'cpu s':>9}{'films/min':>11}{'load':>7}")
        for number in range(choice.rounds):
            took = {}
            for way in sorted(ways, reverse=bool(number % 2)):
                out = folder / f"{way}-{number}"
                took[way] = measured(lambda way=way, out=out: ways[way](out))
                rate = 60 * len(clips) / took[way].wall_s
                print(
                    f"{number + 1:>5} {way:<12}{took[way].wall_s:>9.1f}{took[way].cpu_s:>9.1f}"
                    f"{rate:>11.1f}{os.getloadavg()[0]:>7.1f}",
                    flush=True,
                )
            one, many = took["one by one"], took["batch"]
            ratios.append((one.wall_s / many.wall_s, one.cpu_s / many.cpu_s))
        print(
            f"batch is {median(r[0] for r in ratios):.2f} times as fast by the clock, and takes "
            f"1/{median(r[1] for r in ratios):.2f} of the processor time (median of rounds)"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
