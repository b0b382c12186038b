"""A model that remembers: windows that were made before come from the cache, the rest is made.

To the rest of the program it is a :class:`vtacli.model.contract.SoundModel` like any other. The
weights are read when the first window is missing, and not at all where none is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from threading import Lock

from vtacli.model.contract import OnStep, Sampling, SoundModel, WindowContent
from vtacli.model.variants import Variant
from vtacli.models import ModelHandle
from vtacli.progress import Note, Report, Step, ignore
from vtacli.signal.media import Audio
from vtacli.window_cache.identity import model_hash
from vtacli.window_cache.key import key_of
from vtacli.window_cache.place import cache_folder, limit_bytes
from vtacli.window_cache.runs import count_run
from vtacli.window_cache.store import WindowCache


@dataclass
class Counts:
    """Windows that were asked for: how many came from the cache, and how many the model made."""

    reused: int = 0
    made: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def add(self, reused: int, made: int) -> None:
        with self._lock:
            self.reused += reused
            self.made += made

    def text(self) -> str:
        """``12 windows: 11 reused, 1 made``."""
        count = self.reused + self.made
        return f"{count} window{'' if count == 1 else 's'}: {self.reused} reused, {self.made} made"

    def to_dict(self) -> dict[str, int]:
        return {"reused": self.reused, "made": self.made}


class RememberingModel:
    """``model``: the hash of its files. ``runs_on``: as for :func:`key_of`. ``load`` gives the
    model itself, and is called once, when it is needed. Safe for several threads where the model
    is."""

    def __init__(
        self,
        variant: Variant,
        load: Callable[[], SoundModel],
        cache: WindowCache,
        model: str,
        runs_on: str,
        counts: Counts,
        report: Report = ignore,
    ) -> None:
        self._variant, self._load, self._cache = variant, load, cache
        self._model, self._runs_on = model, runs_on
        self._counts, self._report = counts, report
        self._loaded: SoundModel | None = None
        self._told = False
        self._lock = Lock()

    @property
    def variant(self) -> Variant:
        return self._variant

    def generate(
        self,
        windows: Sequence[WindowContent],
        sampling: Sampling,
        on_step: OnStep | None = None,
    ) -> list[Audio]:
        """As the model would. Steps are counted of what is made."""
        keys = [key_of(w, sampling, self._model, self._runs_on) for w in windows]
        found = {key: self._cache.get(key) for key in dict.fromkeys(keys)}
        missing = [key for key, sound in found.items() if sound is None]
        if missing:
            asked = [windows[keys.index(key)] for key in missing]
            for key, sound in zip(missing, self._real().generate(asked, sampling, on_step),
                                  strict=True):  # fmt: skip
                self._keep(key, sound)
                found[key] = sound
        self._counts.add(len(windows) - len(missing), len(missing))
        sounds = [found[key] for key in keys]
        return [sound for sound in sounds if sound is not None]

    def _real(self) -> SoundModel:
        with self._lock:
            if self._loaded is None:
                self._report(Step("load", 0, 1))
                self._loaded = self._load()
                self._report(Step("load", 1, 1))
            return self._loaded

    def _keep(self, key: str, sound: Audio) -> None:
        if not self._cache.put(key, sound) and not self._told:
            self._told = True
            self._report(
                Note(f"Windows are not kept for another time: {self._cache.trouble}.", "info")
            )


@dataclass(frozen=True)
class Remembered:
    """``handle``: of the model that remembers. ``counts``: what came of it so far."""

    handle: ModelHandle
    counts: Counts


@contextmanager
def remembered(
    handle: ModelHandle,
    report: Report = ignore,
    *,
    use: bool = True,
    cache: WindowCache | None = None,
) -> Iterator[Remembered]:
    """A model that takes from the cache what is there, while the block lasts; then it is told how
    much that was.

    ``use`` False, a limit of 0, or a model that lies in no folder: the model as it is. ``cache``
    None: the user's own. However often the handle loads, there is one model. Raises ConfigError
    where the environment gives a limit that is no size.
    """
    counts = Counts()
    if cache is None and use and handle.folder is not None:
        cache = WindowCache(cache_folder(), limit_bytes())
    if not use or handle.folder is None or cache is None or not cache.limit_bytes:
        yield Remembered(handle, counts)
        return
    yield Remembered(remembering(handle, cache, counts, report), counts)
    if counts.reused or counts.made:
        report(Note(f"{counts.text()}.", "info" if counts.reused else "detail"))
        count_run(cache.folder, counts.reused, counts.made)


def remembering(
    handle: ModelHandle, cache: WindowCache, counts: Counts, report: Report = ignore
) -> ModelHandle:
    """The handle, whose ``load`` gives one :class:`RememberingModel`, always the same."""
    lock, made = Lock(), list[SoundModel]()

    def load() -> SoundModel:
        with lock:
            if not made:
                made.append(_opened(handle, cache, counts, report))
            return made[0]

    return replace(handle, load=load)


def fingerprint_of(handle: ModelHandle) -> str:
    """Which model it is: the hash of its files (as in every key), or, of one that lies in no folder
    or cannot be read, its name."""
    if handle.folder is None:
        return handle.name
    try:
        return model_hash(handle.folder, cache_folder())
    except OSError:
        return handle.name


def _opened(handle: ModelHandle, cache: WindowCache, counts: Counts, report: Report) -> SoundModel:
    assert handle.folder is not None
    try:
        model = model_hash(handle.folder, cache.folder)
    except OSError:  # what cannot be read is said by whoever has to read it
        return handle.load()
    return RememberingModel(
        handle.variant, handle.load, cache, model, handle.runs_on(), counts, report
    )
