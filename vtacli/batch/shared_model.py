"""One model for many films at once: windows of different films are merged into one call.

Films ask from threads of their own and wait. A lane is a thread with a loaded model; it takes the
windows that have waited longest, with those behind them that are to be sampled alike, up to the
batch size. A film has one question open at a time, so each waits for those before it and no more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from threading import Condition, Event, Lock, Thread

from vtacli.errors import VtaError
from vtacli.model.contract import OnStep, Reference, Sampling, SoundModel, WindowContent
from vtacli.model.variants import Variant
from vtacli.signal.media import Audio

KEPT_REFERENCES = 64


class Cancelled(Exception):
    """Nobody waits for what is being made any more."""


@dataclass(eq=False)
class _Question:
    """Windows of one film. ``sounds`` fills up; ``done`` says that it is full, or ``error`` set."""

    windows: Sequence[WindowContent]
    sampling: Sampling
    on_step: OnStep | None
    sounds: list[Audio | None]
    left: int
    done: Event = field(default_factory=Event)
    error: BaseException | None = None

    def step(self, share: float, steps: int) -> bool:
        """Tell of a share of the windows; False where nobody wants to hear it any more."""
        if self.error is not None:
            return False
        if self.on_step is None:
            return True
        try:
            self.on_step(round(share * steps), steps)
        except BaseException as error:
            self.fail(error)
            return False
        return True

    def fail(self, error: BaseException) -> None:
        self.error = self.error or error
        self.done.set()


@dataclass(frozen=True)
class _Item:
    question: _Question
    row: int


@dataclass
class Counts:
    """How many calls of the model there were, of how many windows in all, and of how many films
    at most in one of them."""

    calls: int = 0
    windows: int = 0
    films: int = 0


class SharedModel(SoundModel):
    """A :class:`SoundModel` that any number of threads may ask at once.

    ``lanes``: makers of loaded models, one for each call that may run at a time; each is called in
    the thread that will use it, one after the other. The constructor waits until all are loaded and
    raises what they raise. An error of a call that several films share is theirs only if it comes
    again when each is asked for alone.
    """

    def __init__(self, lanes: Sequence[Callable[[], SoundModel]], batch_size: int) -> None:
        self.counts = Counts()
        self._batch_size = batch_size
        self._waiting: deque[_Item] = deque()
        self._changed = Condition()
        self._closed = False
        self._variant: Variant | None = None
        self._failed: BaseException | None = None
        self._loading = Lock()
        self._references: dict[str, Reference] = {}
        loaded = [Event() for _ in lanes]
        self._threads = [
            Thread(target=self._lane, args=(make, ready), daemon=True)
            for make, ready in zip(lanes, loaded, strict=True)
        ]
        for thread in self._threads:
            thread.start()
        for ready in loaded:
            ready.wait()
        if self._failed is not None:
            self.close()
            raise self._failed

    @property
    def variant(self) -> Variant:
        assert self._variant is not None
        return self._variant

    def generate(
        self,
        windows: Sequence[WindowContent],
        sampling: Sampling,
        on_step: OnStep | None = None,
    ) -> list[Audio]:
        """As any model. ``on_step`` is called in a lane's thread; where it raises, the question is
        dropped and that is raised here."""
        if not windows:
            return []
        windows = [self._interned(w) for w in windows]
        nothing: list[Audio | None] = [None] * len(windows)
        question = _Question(windows, sampling, on_step, nothing, len(windows))
        with self._changed:
            if self._closed:
                raise Cancelled
            self._waiting.extend(_Item(question, row) for row in range(len(windows)))
            self._changed.notify()
        question.done.wait()
        if question.error is not None:
            raise question.error
        sounds = [s for s in question.sounds if s is not None]
        assert len(sounds) == len(windows)
        return sounds

    def close(self) -> None:
        """Drop what waits, and end the lanes after the calls that are running."""
        with self._changed:
            self._closed = True
            for item in self._waiting:
                item.question.fail(Cancelled())
            self._waiting.clear()
            self._changed.notify_all()

    def __enter__(self) -> SharedModel:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _lane(self, make: Callable[[], SoundModel], ready: Event) -> None:
        try:
            # one by one: layers that are made without memory are made so for all threads
            with self._loading:
                model = make()
            self._variant = model.variant
        except BaseException as error:
            self._failed = error
            return
        finally:
            ready.set()
        while items := self._next():
            try:
                self._run(model, items)
            except BaseException as error:  # a question that nobody answers would wait for ever
                for item in items:
                    item.question.fail(error)

    def _next(self) -> list[_Item]:
        """The next call's windows, none when it is over."""
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            if not self._waiting:
                return []
            sampling = self._waiting[0].question.sampling
            # what waits is shared out among the lanes, so that none is idle beside a full call
            share = -(-len(self._waiting) // len(self._threads))
            most = min(self._batch_size, share)
            taken: list[_Item] = []
            left: deque[_Item] = deque()
            for item in self._waiting:
                if item.question.error is not None:
                    continue
                alike = item.question.sampling == sampling
                (taken if alike and len(taken) < most else left).append(item)
            self._waiting = left
            if left:
                self._changed.notify()
        return taken or self._next()

    def _run(self, model: SoundModel, items: list[_Item]) -> None:
        questions = list(dict.fromkeys(item.question for item in items))
        mine = {q: [i for i in items if i.question is q] for q in questions}

        def on_step(done: int, steps: int) -> None:
            wanted = False
            for question in questions:
                total = len(question.windows)
                made = total - question.left + len(mine[question]) * done / max(steps, 1)
                wanted |= question.step(made / total, steps)
            if not wanted:
                raise Cancelled

        windows = [item.question.windows[item.row] for item in items]
        self.counts.calls += 1
        self.counts.windows += len(windows)
        self.counts.films = max(self.counts.films, len(questions))
        try:
            sounds = model.generate(windows, questions[0].sampling, on_step)
            if len(sounds) != len(items):
                raise ValueError(f"the model gave {len(sounds)} sounds for {len(items)} windows")
        except Cancelled:
            return
        except Exception as error:
            if len(questions) == 1 or not isinstance(error, VtaError):
                for question in questions:
                    question.fail(error)
                return
            for question in questions:
                self._run(model, mine[question])
            return
        for item, sound in zip(items, sounds, strict=True):
            question = item.question
            question.sounds[item.row] = sound
            with self._changed:  # two lanes can hold windows of one question
                question.left -= 1
                full = question.left == 0
            if full:
                question.done.set()

    def _interned(self, window: WindowContent) -> WindowContent:
        """The window, with references that are one object where they are one sound: a model
        encodes each object once, and what comes from another process is another object."""
        if not window.references:
            return window
        return replace(window, references=tuple(self._known(r) for r in window.references))

    def _known(self, reference: Reference) -> Reference:
        data = reference.sound.data
        name = f"{reference.name}/{reference.sound.rate_hz}/{data.shape}/"
        key = name + sha256(data.tobytes()).hexdigest()
        with self._changed:
            if len(self._references) >= KEPT_REFERENCES:
                self._references.pop(next(iter(self._references)))
            return self._references.setdefault(key, reference)
