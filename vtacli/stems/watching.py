"""Which stems there will be: one pass over the picture, and what it suggests.

A stem's randomness comes from the set's seed and from its own words alone. So a stem is the same
whichever others are made beside it, and in whichever order.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from typing import Any

from vtacli.media.frames import FrameStore
from vtacli.model.guess import Guess
from vtacli.models import ModelHandle
from vtacli.plan_dicts import scene_dict
from vtacli.planning import Screening, find_guesser, find_scenes, guess_scenes
from vtacli.progress import Note, Report
from vtacli.signal.media import Curve
from vtacli.stems.job import StemJob
from vtacli.stems.kinds import HITS, kinds_of
from vtacli.timeline import Scene, Span


@dataclass(frozen=True)
class Stem:
    """One stem before it is made.

    ``name``: its prompt, or its kind. ``prompt`` None: each of its scenes has words of its own,
    or none. ``scenes``: those in which it is heard; it is silent in the others. ``moves``:
    whether it follows the picture's motion.
    """

    name: str
    prompt: str | None
    scenes: tuple[Scene, ...]
    seed: int
    moves: bool = True

    @property
    def kind(self) -> str:
        """``stem`` for one that words were given for; else ``hits``, ``beds`` or ``mix``."""
        return "stem" if self.prompt is not None else self.name

    @property
    def words(self) -> str | None:
        """All that is said of it, on one line; None where only the model's own guess is heard."""
        if self.prompt is not None:
            return self.prompt
        return "; ".join(dict.fromkeys(s.prompt for s in self.scenes if s.prompt)) or None

    def to_dict(self) -> dict[str, Any]:
        """JSON values."""
        return {
            "name": self.name,
            "prompt": self.prompt,
            "seed": self.seed,
            "scenes": [scene_dict(s) | {"prompt": s.prompt or self.prompt} for s in self.scenes],
        }


@dataclass(frozen=True)
class Watched:
    """``scenes`` tile the film. ``frames``: the model's pictures, to be closed by whoever asked;
    ``motion`` None: none was looked for. ``guesses``: what each scene looks like, where words do
    not say what is heard. ``stems``: at least one."""

    scenes: tuple[Scene, ...]
    frames: FrameStore
    motion: Curve | None
    guesses: tuple[Guess, ...]
    stems: tuple[Stem, ...]


def stem_seed(seed: int, words: str) -> int:
    """The seed of one stem, 31 bits: the set's and what the stem is of, and nothing else."""
    return int.from_bytes(sha256(f"stem/{seed}/{words}".encode()).digest()[:4], "big") >> 1


def watch(job: StemJob, model: ModelHandle, report: Report, *, with_frames: bool) -> Watched:
    """Decode the picture once, where there is one, and say which stems it gives.

    ``with_frames``: sound will be made. Without prompts the pictures are looked at in any case.
    """
    request, prompts = job.request, list(job.words)
    nothing = FrameStore(request.variant.frame_size_px, Fraction(1), request.folder)
    if not isinstance(request, Screening):
        whole = (Scene(0, Span(Fraction(0), job.duration_s), hits=job.hits),)
        return Watched(whole, nothing, None, (), stems_of_prompts(prompts, whole, job.seed))
    if any(scene.takes > 1 or scene.lock for scene in request.cues or ()):
        report(Note("takes and lock are for sessions: of every stem one take is made."))
    find = find_guesser(model) if job.guesses else None
    scenes, analysis = find_scenes(request, report, with_frames=with_frames or find is not None)
    frames = analysis.frames if analysis and analysis.frames else nothing
    motion = analysis.motion if analysis else None
    if find is None:
        stems = stems_of_prompts(prompts, scenes, job.seed)
        return Watched(scenes, frames, motion, (), stems)
    try:
        guesser = find()
        guesses = guess_scenes(request, scenes, frames, guesser, report)
        unsaid = [(s, g) for s, g in zip(scenes, guesses, strict=True) if not (s.prompt or s.mute)]
        kinds = kinds_of([s for s, _ in unsaid], [g for _, g in unsaid], guesser.bed_share)
        stems = stems_of_prompts(prompts, scenes, job.seed)
        stems += tuple(
            Stem(
                kind,
                None,
                _own_seeds(some, f"kind/{kind}"),
                stem_seed(job.seed, f"kind/{kind}"),
                moves=kind == HITS,
            )
            for kind, some in kinds.items()
        )
    except BaseException:
        frames.close()
        raise
    return Watched(scenes, frames, motion, guesses, stems)


def stems_of_prompts(prompts: list[str], scenes: tuple[Scene, ...], seed: int) -> tuple[Stem, ...]:
    """One for each prompt, heard in every scene that asks for nothing else and is not muted."""
    if any(s.prompt for s in scenes):  # the prompts are those of a cue sheet's rows
        heard = {p: tuple(s for s in scenes if (s.prompt or "").strip() == p) for p in prompts}
    else:
        heard = dict.fromkeys(prompts, scenes)
    return tuple(
        Stem(
            p,
            p,
            _own_seeds(tuple(s for s in some if not s.mute), f"prompt/{p}"),
            stem_seed(seed, f"prompt/{p}"),
        )
        for p, some in heard.items()
    )


def _own_seeds(scenes: tuple[Scene, ...], words: str) -> tuple[Scene, ...]:
    """The scenes, a seed that a cue sheet gives to one made the stem's own: else two stems would
    begin with the same noise there."""
    return tuple(s if s.seed is None else replace(s, seed=stem_seed(s.seed, words)) for s in scenes)
