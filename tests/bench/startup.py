"""How long the commands that answer at once take: ``python tests/bench/startup.py [RUNS]``."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

LIMIT_S = 0.3


def seconds_of(arguments: list[str], runs: int) -> list[float]:
    """Wall time of a fresh process each, after one that warms the disk's cache."""
    took = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "vtacli", *arguments], capture_output=True)
        took.append(time.perf_counter() - began)
    return took[1:]


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    print(f"{'command':<24}{'median s':>10}{'best s':>10}{'limit s':>10}")
    slow = False
    for arguments in (["--version"], ["--help"], ["generate", "--help"]):
        took = seconds_of(arguments, runs)
        limit = f"{LIMIT_S:>10.2f}" if arguments == ["--help"] else f"{'':>10}"
        command = "vta " + " ".join(arguments)
        print(f"{command:<24}{statistics.median(took):>10.3f}{min(took):>10.3f}{limit}")
        slow |= arguments == ["--help"] and statistics.median(took) > LIMIT_S
    return int(slow)


if __name__ == "__main__":
    sys.exit(main())
