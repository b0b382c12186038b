"""Work that kills the process that does it. Imports next to nothing, because every process does."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from vtacli.errors import StorageError


class Deadly:
    """Sums a job's numbers; dies of -1 always, and of -2 once (while ``flag`` is not there)."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __call__(self) -> Deadly.Worker:
        return Deadly.Worker(self.flag)

    class Worker:
        def __init__(self, flag: Path) -> None:
            self.flag = flag

        def __call__(self, job, fatal, tell, /):
            total = 0
            for number in job:
                tell(str(number))
                if number == 0:
                    raise StorageError("The disk is full.")
                if str(number) in fatal:
                    total += 1000
                elif number == -1 or (number == -2 and not self.flag.exists()):
                    self.flag.touch()
                    os.kill(os.getpid(), signal.SIGSEGV)
                else:
                    total += number
            return total
