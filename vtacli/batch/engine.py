"""What a batch asks of whatever does its work: this machine's processes, or a cluster's."""

from __future__ import annotations

from typing import Protocol

from vtacli.batch.values import FilmTask, Told


class Engine(Protocol):
    """Takes films and tells what becomes of them.

    ``jobs``: how many films it works at, at once; no more than that are submitted before others
    came to their end. Of each that was submitted, exactly one Made, Failed or Lost is told. An
    engine that can do no work at all any more raises VtaError from :meth:`poll`.
    """

    jobs: int

    def submit(self, task: FilmTask) -> None: ...

    def poll(self, timeout_s: float) -> list[Told]:
        """What happened, in order; waits up to ``timeout_s`` for something to happen."""
        ...

    def cancel(self, number: int) -> None:
        """End the work on a film, which is then told to be Lost unless it was done before."""
        ...

    def close(self) -> None:
        """End all work, and have whatever does it gone."""
        ...

    def notes(self) -> list[str]:
        """What there is to say of the work as a whole, a sentence each."""
        ...
