"""Films on this machine: processes that decode and mux around one model in this one."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any

from vtacli.batch.engine import Engine
from vtacli.batch.holding import Held
from vtacli.batch.shared_model import Cancelled
from vtacli.batch.values import Failed, FilmTask, Lost, Made, Progress, Told, Waiting
from vtacli.batch.work import told
from vtacli.batch.worker import Generate, Hear
from vtacli.model.contract import SoundModel

PROGRAM = "import sys; from vtacli.batch.worker import main; sys.exit(main())"
"""Not ``-m``: what that runs is called ``__main__``, and so would be what it sends."""
GRACE_S = 5.0
"""How long a process may take to clean up after itself."""


class Worker:
    """One process, and our end of the line to it."""

    def __init__(self, held: Held) -> None:
        ours, theirs = socket.socketpair()
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        self.line = Connection(ours.detach())
        self.line.send(held.facts)

    def end(self) -> None:
        """Ask it to go, then see to it. Does not wait."""
        if self._process.poll() is None:
            self._process.terminate()
            Thread(target=self._reap, daemon=True).start()

    def reason(self) -> str:
        """Why it ended, in a few words."""
        code = self._wait()
        return f"signal {-code}" if code < 0 else f"exit code {code}"

    def close(self) -> None:
        """Have it gone."""
        self.line.close()
        self._wait()

    def _reap(self) -> None:
        self._wait()

    def _wait(self) -> int:
        try:
            return self._process.wait(GRACE_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()


class LocalEngine(Engine):
    """``jobs`` films are open at once, each in a process of its own; see :class:`Engine`.

    ``model``: what ``held`` holds, or what stands before it and asks it."""

    def __init__(self, held: Held, model: SoundModel, jobs: int) -> None:
        self.jobs = jobs
        self._model = model
        self._held = held
        self._tasks: SimpleQueue[FilmTask | None] = SimpleQueue()
        self._told: SimpleQueue[Told] = SimpleQueue()
        self._lock = Lock()
        self._at_work: dict[int, Worker] = {}
        self._closing = False
        self._threads = [Thread(target=self._lane, daemon=True) for _ in range(jobs)]
        for thread in self._threads:
            thread.start()

    def submit(self, task: FilmTask) -> None:
        self._tasks.put(task)

    def poll(self, timeout_s: float) -> list[Told]:
        found: list[Told] = []
        with suppress(Empty):
            found.append(self._told.get(timeout=timeout_s))
            while True:
                found.append(self._told.get_nowait())
        return found

    def cancel(self, number: int) -> None:
        with self._lock:
            worker = self._at_work.get(number)
        if worker is not None:
            worker.end()

    def close(self) -> None:
        self._closing = True
        for _ in self._threads:
            self._tasks.put(None)
        with self._lock:
            working = list(self._at_work.values())
        for worker in working:
            worker.end()
        self._held.shared.close()
        for thread in self._threads:
            thread.join(3 * GRACE_S)

    def notes(self) -> list[str]:
        counts = self._held.shared.counts
        return [
            f"{counts.windows} windows made in {counts.calls} calls of the model, of up to "
            f"{counts.films} films at once"
        ]

    def _lane(self) -> None:
        """One film after the other. The process is kept for the next film unless it is lost."""
        worker: Worker | None = None
        try:
            while (task := self._tasks.get()) is not None:
                if self._closing:
                    continue
                try:
                    worker = worker or Worker(self._held)
                    with self._lock:
                        self._at_work[task.number] = worker
                    self._told.put(self._film(worker, task))
                except Exception as error:  # whatever it was, the film must not wait for ever
                    gone = isinstance(error, (OSError, EOFError)) and worker is not None
                    reason = worker.reason() if worker and gone else str(error)
                    if worker is not None:
                        worker.end()
                        worker.close()
                    worker = None
                    self._told.put(Lost(task.number, reason))
                finally:
                    with self._lock:
                        self._at_work.pop(task.number, None)
        finally:
            if worker is not None:
                worker.close()

    def _film(self, worker: Worker, task: FilmTask) -> Made | Failed:
        """Answer the worker's questions until its film is done. Raises EOFError or OSError where
        it is gone."""
        line = worker.line
        line.send(task)
        while True:
            message = line.recv()
            if isinstance(message, (Made, Failed)):
                return message
            if isinstance(message, Progress):
                self._told.put(message)
                continue
            self._told.put(Waiting(task.number, True))
            answer = self._answer(line, message)
            self._told.put(Waiting(task.number, False))
            line.send(answer)

    def _answer(self, line: Connection, message: Any) -> Any:
        def on_step(done: int, steps: int) -> None:
            line.send((done, steps))

        try:
            if isinstance(message, Generate):
                return self._model.generate(message.windows, message.sampling, on_step)
            assert isinstance(message, Hear)
            return self._held.hear(message.sound)
        except (OSError, EOFError):
            raise
        except Cancelled as error:
            raise EOFError from error
        except Exception as error:
            return told(error)
