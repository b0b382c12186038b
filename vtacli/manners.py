"""Manners: no speech and no music unless asked for. A tagger listens to each scene; one that
comes out as either is made again with another seed, and once more if that is no better, then
without any recording laid beneath it, since that is often what sang; the best is kept.

The thresholds are low, since a false alarm costs two more takes and no more: of 200 recordings of
effects they call 11 % speech or music, of 400 sounds that the model made for other words 3 %.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vtacli.media.spool import SoundSpool
from vtacli.model.contract import Listener, NoiseKey, Reference, Take
from vtacli.model.guess import Guess
from vtacli.progress import Note, Report
from vtacli.signal.media import Audio
from vtacli.timeline import Scene, Window, samples_at

Rendered = tuple[Window, Audio]


@dataclass(frozen=True)
class Family:
    """A kind of sound that has to be asked for. ``classes``: spans of AudioSet's names in its own
    order, first and last. ``threshold``: the mean score from which a scene counts as it.
    ``words``: those that ask for it, as beginnings of words."""

    name: str
    classes: tuple[tuple[str, str], ...]
    threshold: float
    words: str


FAMILIES = (
    Family(
        "speech",
        (("Speech", "Speech synthesizer"), ("Whispering", "Whispering")),
        0.05,
        "speech speak spoke talk voice vocal say said word dialog conversation narrat babbl "
        "whisper chatter announc reporter radio television crowd people audience children "
        "shout yell scream",
    ),
    Family(
        "singing",
        (("Singing", "Humming"),),
        0.05,
        "sing sang song choir chant yodel rap humming voice vocal opera lullab music karaoke",
    ),
    Family(
        "music",
        (
            ("Music", "Harpsichord"),
            ("Orchestra", "Harp"),
            ("Harmonica", "Singing bowl"),
            ("Pop music", "Scary music"),
        ),
        0.05,
        "music song melod tune jingle orchestra symphon band concert guitar banjo sitar mandolin "
        "zither ukulele piano organ synth harpsichord horn trumpet trombone tuba violin viola "
        "fiddle cello bass flute clarinet oboe bassoon sax harp accordion bagpipe didgeridoo "
        "theremin drum marimba xylophone chime gong cymbal choir opera lullab sing sang string "
        "jazz blues techno disco",
    ),
)
"""Percussion and bells are effects as often as music, and do not count."""

LOOKS_LIKE = 0.05
"""From this probability on, the picture's guess asks for the sound that it names."""


@dataclass(frozen=True)
class Heard:
    """What a stretch of sound comes nearest to: a class of a family, its mean score, and the share
    of the family's threshold that this is. It is rude from 1 on, where no class outside of the
    families scores higher."""

    family: str
    name: str
    score: float
    share: float

    def text(self) -> str:
        return f"{self.family} ({self.name}, {self.score:.2f})"


MOST_AGAIN = 2
"""How many more takes a scene gets at most. The last of them has no draft."""


@dataclass(frozen=True)
class Verdict:
    """A scene that was made again, ``takes`` times more. ``again``: what the best of these comes
    out as, ``seed``: its seed. ``kept``: the seed of the take that was kept. ``draft``: whether
    recordings could be laid beneath that one."""

    scene: int
    heard: Heard
    again: Heard | None
    seed: int
    kept: int
    takes: int = 1
    draft: bool = True

    def to_dict(self) -> dict[str, Any]:
        return {
            "heard": self.heard.name,
            "score": round(self.heard.score, 3),
            "heard_again": None if self.again is None else self.again.name,
            "score_again": None if self.again is None else round(self.again.score, 3),
            "kept_seed": self.kept,
            "takes": self.takes,
            "draft": self.draft,
        }

    def text(self) -> str:
        """One sentence for a person."""
        sounds = self.again.text() if self.again else "neither speech nor music"
        which = "was kept" if self.kept == self.seed else "is no better: the first was kept"
        take = "Another take" if self.takes == 1 else f"The best of {self.takes} more takes"
        if not self.draft:
            take += ", drawn from no recording"
        return (
            f"Scene {self.scene + 1} came out as {self.heard.text()}, which nothing asked for. "
            f"{take}, with seed {self.seed}, comes out as {sounds}, and {which}. "
            "Use --manners off to take what comes."
        )


def asked_for(words: Iterable[str]) -> frozenset[str]:
    """The families that a text, or several, ask for."""
    said = {w for text in words for w in re.findall(r"[a-z]+", text.lower())}
    return frozenset(
        family.name
        for family in FAMILIES
        if any(word.startswith(stem) for stem in family.words.split() for word in said)
    )


def words_of(prompt: str | None, guesses: Iterable[Guess]) -> list[str]:
    """What asks for sound: the prompt; without one, what the pictures of a scene look like."""
    if prompt:
        return [prompt]
    return [name for guess in guesses for name, p in guess.sounds if p >= LOOKS_LIKE]


class Judge:
    """Holds scores against the families. ``names``: the listener's classes."""

    def __init__(self, listener: Listener) -> None:
        self.listener = listener
        names = list(listener.names)
        self._members = {
            family.name: np.concatenate(
                [np.arange(names.index(a), names.index(b) + 1) for a, b in family.classes]
            )
            for family in FAMILIES
        }
        inside = np.concatenate(list(self._members.values()))
        self._outside = np.setdiff1d(np.arange(len(names)), inside)

    def verdict(
        self, scores: NDArray[np.float32], asked: frozenset[str] = frozenset()
    ) -> Heard | None:
        """The worst of what nothing asked for, in mean scores (classes,); None where no family's
        class is above all that lies outside of the families, or above its threshold."""
        worst: Heard | None = None
        outside = float(scores[self._outside].max())
        for family in FAMILIES:
            if family.name in asked:
                continue
            members = self._members[family.name]
            best = int(members[scores[members].argmax()])
            score = float(scores[best])
            share = score / family.threshold
            if score <= outside or share < 1 or (worst is not None and share <= worst.share):
                continue
            worst = Heard(family.name, self.listener.names[best], score, share)
        return worst

    def families_in(self, references: Sequence[Reference]) -> frozenset[str]:
        """The families that references belong to: who brings music asks for it."""
        found: set[str] = set()
        for reference in references:
            scores = self.listener.hear(reference.sound).mean(axis=0)
            while heard := self.verdict(scores, frozenset(found)):
                found.add(heard.family)
        return frozenset(found)


@dataclass
class _Scene:
    """One take of a scene, on disk, and what was heard in it so far."""

    spool: SoundSpool
    pieces: list[tuple[Window, Audio, int, int]] = field(default_factory=list)
    scores: NDArray[np.float64] | None = None
    patches: int = 0
    guesses: list[Guess] = field(default_factory=list)

    def add(self, window: Window, sound: Audio, listener: Listener) -> None:
        start = len(self.spool)
        self.spool.append(sound)
        empty = replace(sound, data=sound.data[:, :0])
        self.pieces.append((window, empty, start, len(self.spool)))
        if isinstance(sound, Take) and sound.guess is not None:
            self.guesses.append(sound.guess)
        used = sound.data[:, : samples_at(window.span.duration_s, sound.rate_hz)]
        if used.any():
            heard = listener.hear(Audio(used, sound.rate_hz))
            self.scores = heard.sum(axis=0) + (0 if self.scores is None else self.scores)
            self.patches += len(heard)

    def verdict(self, judge: Judge, asked: frozenset[str]) -> Heard | None:
        if self.scores is None:
            return None
        return judge.verdict((self.scores / self.patches).astype(np.float32), asked)

    def played(self) -> Iterator[Rendered]:
        for window, empty, start, stop in self.pieces:
            yield window, replace(empty, data=self.spool.read(start, stop).data)


def other_seed(seed: int, noise_id: int) -> int:
    """The seed with which a scene is made once more; ``noise_id`` as
    :attr:`vtacli.timeline.Scene.noise_id`."""
    return NoiseKey(seed, noise_id, 0).seed_64("manners") >> 32


def other_seeds(seed: int, noise_id: int) -> Iterator[int]:
    """The seeds of all the takes that a scene may get after its first, one after the other."""
    for _ in range(MOST_AGAIN):
        seed = other_seed(seed, noise_id)
        yield seed


def has_draft(take: int) -> bool:
    """Whether recordings may be laid beneath one of the takes that come after the first, of which
    ``take`` is the number, from 0."""
    return take < MOST_AGAIN - 1


def mannered(
    rendered: Iterable[Rendered],
    again: Callable[[int, int, bool], Iterator[Rendered]],
    judge: Judge,
    scenes: Sequence[Scene],
    prompt_of: Callable[[Scene], str | None],
    seed_of: Callable[[Scene], int],
    allowed: frozenset[str],
    folder: Path,
    report: Report,
    on_verdict: Callable[[Verdict], None],
) -> Iterator[Rendered]:
    """``rendered``, in order, scene by scene; a rude scene in the best of its takes, of which
    there are up to :data:`MOST_AGAIN` more.

    ``again(scene, seed, draft)`` makes a scene's windows once more, with recordings beneath them
    or without. A scene is held on disk, in a file
    without a name in ``folder``, until it is whole. What becomes of a scene depends on it alone.
    """
    for index, pieces in groupby(rendered, key=lambda piece: piece[0].scene):
        scene = scenes[index]
        with ExitStack() as files:
            first = _heard(pieces, judge.listener, folder, files)
            prompt = prompt_of(scene)
            asked = allowed | asked_for(words_of(prompt, first.guesses))
            heard = first.verdict(judge, asked)
            if heard is None:
                yield from first.played()
                continue
            tries: list[tuple[int, bool, _Scene, Heard | None]] = []
            for number, seed in enumerate(other_seeds(seed_of(scene), scene.noise_id)):
                draft = has_draft(number)
                sounds = again(index, seed, draft)
                take = _heard(sounds, judge.listener, folder, files)
                tries.append((seed, draft, take, take.verdict(judge, asked)))
                if tries[-1][3] is None:
                    break
            seed, draft, second, better = min(
                tries, key=lambda t: 0.0 if t[3] is None else t[3].share
            )
            won = better is None or better.share < heard.share
            kept = seed if won else seed_of(scene)
            verdict = Verdict(index, heard, better, seed, kept, len(tries), draft or not won)
            on_verdict(verdict)
            report(Note(verdict.text()))
            yield from (second if won else first).played()


def _heard(
    pieces: Iterable[Rendered], listener: Listener, folder: Path, files: ExitStack
) -> _Scene:
    """A take of a scene, listened to while it is kept."""
    take: _Scene | None = None
    for window, sound in pieces:
        if take is None:
            take = _Scene(files.enter_context(SoundSpool(sound.rate_hz, folder)))
        take.add(window, sound, listener)
    if take is None:
        raise ValueError("a scene has a window at least")
    return take
