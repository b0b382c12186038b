"""Peak memory of a long film against a short one: ``python tests/bench/memory.py [options]``.

Films of 720p are made by looping one clip without encoding it again, so that an hour costs a
copy. The model is the tests' fake one unless ``--model`` names an installed model; its steps are
few, because what is measured is that memory does not grow with the film.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg

ROOT = Path(__file__).parent.parent.parent
LIMIT = 1.15


@dataclass(frozen=True)
class Row:
    minutes: float
    peak_bytes: int
    seconds: float
    megabytes: float


def ffmpeg(*arguments: object) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-nostdin", "-y"]
    subprocess.run([*command, *map(str, arguments)], check=True)


def make_clip(path: Path) -> Path:
    """Twenty seconds of moving test pictures, four shots, with a stereo tone."""
    shots = ["testsrc2", "mandelbrot", "testsrc2", "life"]
    inputs: list[object] = []
    for name in shots:
        inputs += ["-f", "lavfi", "-t", 5, "-i", f"{name}=s=1280x720:r=25"]
    inputs += ["-f", "lavfi", "-t", 20, "-i", "sine=330:sample_rate=48000"]
    chain = "".join(f"[{i}:v]format=yuv420p[p{i}];" for i in range(4))
    chain += "[p0][p1][p2][p3]concat=n=4[v]"
    encode = [
        "-c:v",
        "libx264",
        "-preset",
        "veryfast",
        "-crf",
        30,
        "-g",
        50,
        "-c:a",
        "aac",
        "-ac",
        2,
    ]
    ffmpeg(*inputs, "-filter_complex", chain, "-map", "[v]", "-map", "4:a", *encode, path)
    return path


def loop(clip: Path, minutes: float, path: Path) -> Path:
    """The clip again and again, copied packet by packet."""
    times = ["-stream_loop", -1, "-i", f"file:{clip}", "-t", minutes * 60]
    ffmpeg(*times, "-map", "0:v:0", "-map", "0:a?", "-c", "copy", path)
    return path


def measure(film: Path, minutes: float, folder: Path, model: str | None) -> Row:
    """Run ``vta generate`` in a process of its own and ask the system for its peak."""
    program = ["-m", "vtacli"] if model else [str(ROOT / "tests" / "fakes.py")]
    flags = ["--model", model, "--steps", "2"] if model else []
    output = folder / "out.mp4"
    command = [sys.executable, *program, "generate", film, "-o", output, "--seed", "1", "-q"]
    began = time.perf_counter()
    child = subprocess.Popen([*map(str, command), *flags], stdout=subprocess.DEVNULL, cwd=ROOT)
    _, status, usage = wait_for(child.pid)
    if status:
        raise SystemExit(f"vta generate failed with {status}")
    took = time.perf_counter() - began
    output.unlink()
    return Row(minutes, usage.ru_maxrss * 1024, took, film.stat().st_size / 1e6)


def wait_for(pid: int) -> tuple[int, int, resource.struct_rusage]:
    import os

    pid, status, usage = os.wait4(pid, 0)
    return pid, os.waitstatus_to_exitcode(status), usage


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--film", type=Path, help="a clip to loop (default: one is made)")
    parser.add_argument("--minutes", type=float, nargs=2, default=(2, 60))
    parser.add_argument("--model", help="an installed model (default: the tests' fake one)")
    parser.add_argument("--folder", type=Path, help="where films are made (a few GB)")
    choice = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=choice.folder) as name:
        folder = Path(name)
        clip = choice.film or make_clip(folder / "clip.mp4")
        rows = []
        print(f"{'minutes':>8}{'film MB':>10}{'peak MB':>10}{'seconds':>10}")
        for minutes in choice.minutes:
            film = loop(clip, minutes, folder / "film.mp4")
            row = measure(film, minutes, folder, choice.model)
            film.unlink()
            rows.append(row)
            print(
                f"{row.minutes:>8.1f}{row.megabytes:>10.1f}"
                f"{row.peak_bytes / 1e6:>10.1f}{row.seconds:>10.1f}",
                flush=True,
            )
    ratio = rows[1].peak_bytes / rows[0].peak_bytes
    print(f"ratio {ratio:.3f}, limit {LIMIT}")
    return int(ratio > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
