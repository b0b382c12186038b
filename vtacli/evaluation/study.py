"""What every section is given: the model, the listener, the recordings, and where results go."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

from vtacli.errors import ConfigError
from vtacli.evaluation.figures import Figure
from vtacli.evaluation.judge import Judge
from vtacli.evaluation.notebook import Notebook, digest
from vtacli.evaluation.prompts import Prompt
from vtacli.evaluation.recordings import Catalogue
from vtacli.model.contract import SoundModel
from vtacli.models import ModelHandle
from vtacli.progress import Note, Report, Step
from vtacli.training.composer import Composer
from vtacli.training.library import SoundLibrary
from vtacli.training.sources import find_sources

EDITION = 5
"""Changes with anything that changes what is measured, so that old notebooks do not answer."""

Item = TypeVar("Item")


@dataclass(frozen=True)
class Suite:
    """How much is measured. Counts, but for ``seed``, from which everything random is drawn.

    ``films``: renders. ``truths``: takes of true sound a film. ``prompts``: None for all.
    ``seeds``: sounds a prompt; ``named_seeds``: a named prompt, of which the first ``named_kept``
    are there to listen to. ``real``, ``named_real``: the same of recordings.
    ``copies``: held-out recordings through codec and vocoder, None for all. ``likened``: sounds
    compared with the bank. ``bank_share``: of the bank's rows that they are compared with.
    """

    films: int = 24
    truths: int = 4
    prompts: int | None = None
    seeds: int = 4
    named_seeds: int = 24
    named_kept: int = 8
    real: int = 6
    named_real: int = 24
    copies: int | None = None
    repeats: int = 7
    likened: int = 16
    bank_share: float = 1.0
    clips: int | None = None
    films_shown: int = 6
    seed: int = 0


SUITES = {"mini": Suite()}
QUICK = Suite(
    films=8,
    truths=2,
    prompts=12,
    seeds=2,
    named_seeds=2,
    real=4,
    named_real=8,
    copies=24,
    repeats=3,
    likened=4,
    bank_share=0.25,
    clips=2,
    films_shown=3,
)


@dataclass(frozen=True)
class Result:
    """What one section found: lines of the table, and everything behind them as JSON values."""

    figures: list[Figure]
    details: dict[str, Any]


@dataclass
class Study:
    """One evaluation. Nothing heavy is opened before a section asks for it."""

    suite: Suite
    handle: ModelHandle
    judge: Judge
    prompts: tuple[Prompt, ...]
    out: Path
    report: Report
    catalogue: Catalogue | None = None
    clips: tuple[Path, ...] = ()
    overall: Callable[[float], None] = lambda share: None
    used: dict[str, set[str]] = field(default_factory=dict)

    @cached_property
    def model(self) -> SoundModel:
        self.report(Step("load", 0, 1))
        model = self.handle.load()
        self.report(Step("load", 1, 1))
        return model

    @property
    def pipeline(self) -> Any:
        """The model's pipeline. Raises ConfigError where it has none to show."""
        pipeline = getattr(self.model, "pipeline", None)
        if pipeline is None:
            raise ConfigError(f"the model {self.handle.name} does not show its parts")
        return pipeline

    @cached_property
    def fingerprint(self) -> str:
        """A hash of every file of the model's folder."""
        return fingerprint(self.handle)

    @property
    def sounds(self) -> Catalogue:
        """The recordings. Raises ConfigError where none were given."""
        if self.catalogue is None:
            raise ConfigError("this needs recordings", hint="Give their folder with --sounds.")
        return self.catalogue

    @cached_property
    def library(self) -> SoundLibrary:
        """The held-out recordings, decoded."""
        return self.sounds.held_out_library(self.report)

    @cached_property
    def composer(self) -> Composer:
        """What lays held-out sounds at given moments."""
        sources = find_sources(self.library, held_out=True)
        return Composer(self.library, sources, float(self.handle.variant.window_s))

    def notebook(self, section: str, *settings: Any, of_model: bool = True) -> Notebook:
        """The section's notebook, bound to the recordings, these settings and, where it measures
        one, the model."""
        sounds = self.catalogue.digest if self.catalogue else None
        model = [self.fingerprint, self.suite.seed] if of_model else []
        bound = digest(EDITION, model, sounds, *settings)
        return Notebook(self.out / "cache", section, bound)

    def each(
        self, section: str, items: Sequence[Item], name: Callable[[Item], str]
    ) -> Iterator[Item]:
        """The items one by one, with progress."""
        for i, item in enumerate(items):
            self.report(Step(section, i, len(items), name(item)))
            yield item
            self.overall((i + 1) / len(items))
        self.report(Step(section, len(items), len(items)))

    def use(self, what: str, files: Iterable[str]) -> None:
        """Remember which recordings were listened to, and for what."""
        self.used.setdefault(what, set()).update(files)

    def warn(self, text: str) -> None:
        self.report(Note(text, "warning"))

    @property
    def settings(self) -> dict[str, Any]:
        return asdict(self.suite)


def fingerprint(handle: ModelHandle) -> str:
    """sha256 over the names and contents of a model's files; over its facts where it has none."""
    found = sha256()
    if handle.folder is None:
        found.update(repr(handle.variant).encode())
        return found.hexdigest()
    for path in sorted(p for p in handle.folder.rglob("*") if p.is_file()):
        found.update(path.relative_to(handle.folder).as_posix().encode())
        found.update(sha256(path.read_bytes()).digest())
    return found.hexdigest()
