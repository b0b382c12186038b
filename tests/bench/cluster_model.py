"""A cluster that dubs many films, simulated: ``python tests/bench/cluster_model.py [options]``.

Three things can be short: processors that decode and mux, models (GPUs) that make windows, and the
bandwidth of the storage that all share. A film holds one processor from its first byte to its last,
as a task of the Ray engine does: it is read and decoded, asks for its windows a batch at a time,
and is muxed and written. Models take the windows that have waited longest, up to a batch, whatever
films they are of. Storage is shared out evenly among those who read or write.

Events are exact, times are drawn from a seeded generator, and the laws that any such system keeps
(films in are films out, Little's law, no resource busier than always) are held by a test.
"""

from __future__ import annotations

import argparse
import heapq
import random
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from math import ceil

NEARLY_ALWAYS = 0.85


@dataclass(frozen=True)
class Cluster:
    """``processors`` and ``models``: how many. ``storage_bytes_s``: of all together."""

    processors: int
    models: int
    storage_bytes_s: float
    batch: int = 8


@dataclass(frozen=True)
class Work:
    """What a film costs.

    ``decode_share``: seconds of a processor for each second of film; ``start_s``: for each film
    beside that. ``window_s``: of film for each window of a scene, ``overlap_s`` more for the first.
    ``model_s``: of a model for one window, alone; ``batch_gain``: how many times faster a full
    batch is than the same windows one by one. ``spread``: standard deviation of lengths and times,
    as a share.
    """

    film_s: float
    film_bytes_s: float
    decode_share: float
    start_s: float
    window_s: float
    overlap_s: float
    model_s: float
    batch_gain: float = 1.0
    spread: float = 0.3


@dataclass
class Outcome:
    """Times in seconds; ``busy``: of each resource, as a share of what it has."""

    films: int = 0
    makespan_s: float = 0.0
    mean_in_system: float = 0.0
    mean_stay_s: float = 0.0
    busy: dict[str, float] = field(default_factory=dict)
    windows: int = 0
    read_bytes: float = 0.0

    @property
    def films_an_hour(self) -> float:
        return 3600 * self.films / self.makespan_s

    @property
    def bottleneck(self) -> str:
        """What is nearly always busy; where nothing is, more films should be open."""
        most = max(self.busy, key=lambda name: self.busy[name])
        return most if self.busy[most] > NEARLY_ALWAYS else "open films"


class Storage:
    """Bytes that flow at one rate, shared out evenly (processor sharing)."""

    def __init__(self, clock: Clock, bytes_s: float) -> None:
        self._clock, self._bytes_s = clock, bytes_s
        self._flows: list[tuple[float, int, Callable[[], None]]] = []
        self._served = 0.0
        self._since = 0.0
        self._count = 0
        self._edition = 0
        self.busy_s = 0.0

    def move(self, size: float, then: Callable[[], None]) -> None:
        self._advance()
        self._count += 1
        heapq.heappush(self._flows, (self._served + size, self._count, then))
        self._plan()

    def _advance(self) -> None:
        passed = self._clock.now - self._since
        if self._flows:
            self._served += passed * self._bytes_s / len(self._flows)
            self.busy_s += passed
        self._since = self._clock.now

    def _plan(self) -> None:
        self._edition += 1
        if self._flows:
            left = max(0.0, self._flows[0][0] - self._served)
            edition = self._edition
            self._clock.after(left * len(self._flows) / self._bytes_s, lambda: self._due(edition))

    def _due(self, edition: int) -> None:
        if edition != self._edition:
            return
        self._advance()
        _, _, then = heapq.heappop(self._flows)
        self._plan()
        then()


class Clock:
    """Events in order of time."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.now + seconds, self._count, what))

    def run(self) -> None:
        while self._events:
            self.now, _, what = heapq.heappop(self._events)
            what()


class Models:
    """Models that take up to a batch of the windows that wait."""

    def __init__(self, clock: Clock, cluster: Cluster, work: Work) -> None:
        self._clock, self._cluster, self._work = clock, cluster, work
        self._waiting: deque[list] = deque()
        self._free = cluster.models
        self.busy_s = 0.0
        self.windows = 0

    def ask(self, windows: int, then: Callable[[], None]) -> None:
        question = [windows, then]
        self._waiting.extend([question] * windows)
        self._serve()

    def _serve(self) -> None:
        while self._free and self._waiting:
            share = -(-len(self._waiting) // self._free)
            count = min(self._cluster.batch, share)
            taken = [self._waiting.popleft() for _ in range(count)]
            self._free -= 1
            took = self._took(len(taken))
            self.busy_s += took
            self._clock.after(took, lambda taken=taken: self._done(taken))

    def _took(self, count: int) -> float:
        """A full batch is ``batch_gain`` times as fast as one by one, a part of one in between."""
        batch = self._cluster.batch
        gain = 1.0 if batch == 1 else 1 + (self._work.batch_gain - 1) * (count - 1) / (batch - 1)
        return self._work.model_s * count / gain

    def _done(self, taken: list[list]) -> None:
        self._free += 1
        self.windows += len(taken)
        for question in taken:
            question[0] -= 1
            if not question[0]:
                question[1]()
        self._serve()


def simulate(cluster: Cluster, work: Work, films: int, seed: int = 0) -> Outcome:
    """Dub so many films and say what it took."""
    clock, rng = Clock(), random.Random(seed)
    models, storage = Models(clock, cluster, work), Storage(clock, cluster.storage_bytes_s)
    result = Outcome()
    at_work = 0
    area = last = cpu_s = 0.0
    left = films

    def drawn(mean: float) -> float:
        return mean * rng.gammavariate(1 / work.spread**2, work.spread**2) if work.spread else mean

    def count(change: int) -> None:
        nonlocal at_work, area, last
        area += at_work * (clock.now - last)
        last, at_work = clock.now, at_work + change

    def film() -> Iterator[tuple[str, float]]:
        length_s = drawn(work.film_s)
        size = length_s * work.film_bytes_s
        result.read_bytes += size
        yield "move", size
        yield "compute", work.start_s / 2 + drawn(length_s * work.decode_share)
        windows = max(1, ceil((length_s - work.overlap_s) / work.window_s))
        while windows:
            ask = min(cluster.batch, windows)
            windows -= ask
            yield "ask", ask
        yield "compute", work.start_s / 2
        yield "move", size

    def begin() -> None:
        nonlocal left
        if not left:
            return
        left -= 1
        count(+1)
        began, steps = clock.now, film()

        def go_on() -> None:
            nonlocal cpu_s
            step = next(steps, None)
            if step is None:
                count(-1)
                result.films += 1
                result.mean_stay_s += clock.now - began
                begin()
            elif step[0] == "move":
                storage.move(step[1], go_on)
            elif step[0] == "ask":
                models.ask(int(step[1]), go_on)
            else:
                cpu_s += step[1]
                clock.after(step[1], go_on)

        go_on()

    for _ in range(cluster.processors):
        begin()
    clock.run()
    result.makespan_s = clock.now
    result.mean_stay_s /= max(1, result.films)
    result.mean_in_system = area / clock.now
    result.windows = models.windows
    result.busy = {
        "processors": cpu_s / (clock.now * cluster.processors),
        "models": models.busy_s / (clock.now * cluster.models),
        "storage": storage.busy_s / clock.now,
    }
    return result


# Measured as processor time on one x86-64 core: the rest of a dub of 30 s of 854x480 with sound
# (2.6 s: decoded, mixed, muxed, verified), and a window of vta-mini in 20 steps (1.32 s).
MEASURED = Work(
    film_s=30.0,
    film_bytes_s=138_000.0,
    decode_share=0.07,
    start_s=0.5,
    window_s=9.24,
    overlap_s=1.0,
    model_s=1.32,
)
# Assumed: nobody has measured vta-mini on a GPU yet.
ON_GPU = replace(MEASURED, model_s=0.10, batch_gain=4.0)
FILMS = 100_000
PROXY_BYTES_S, MASTER_BYTES_S = 138_000.0, 27_500_000.0


def rows() -> Iterator[tuple[str, Cluster, Work]]:
    """The machines that are asked about."""
    disk = 1e9
    yield "no GPU: 2 cores for films, 2 for models", Cluster(2, 2, 2e8, 4), MEASURED
    yield "no GPU: 32 cores for films, 64 for models", Cluster(32, 64, disk, 4), MEASURED
    for cores in (4, 16, 64):
        yield f"1 GPU, {cores} cores", Cluster(cores, 1, disk), ON_GPU
    for gpus, cores in ((8, 64), (8, 256)):
        yield f"{gpus} GPUs, {cores} cores", Cluster(cores, gpus, disk), ON_GPU
    master = replace(ON_GPU, film_bytes_s=MASTER_BYTES_S)
    yield "8 GPUs, 64 cores, ProRes masters", Cluster(64, 8, disk), master
    yield "the same, storage of 10 GB/s", Cluster(64, 8, 1e10), master


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--films", type=int, default=2000, help="how many are simulated")
    choice = parser.parse_args()
    print(f"{FILMS} films of {MEASURED.film_s:g} s; {choice.films} of them simulated")
    print(f"{'cluster':<42}{'films/h':>9}{'hours':>8}{'cpu':>6}{'model':>7}{'disk':>6}  short")
    for name, cluster, work in rows():
        found = simulate(cluster, work, choice.films)
        busy = found.busy
        print(
            f"{name:<42}{found.films_an_hour:>9.0f}{FILMS / found.films_an_hour:>8.1f}"
            f"{busy['processors']:>6.0%}{busy['models']:>7.0%}{busy['storage']:>6.0%}"
            f"  {found.bottleneck}"
        )


if __name__ == "__main__":
    main()
