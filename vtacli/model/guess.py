"""What a model takes a picture for, and what it thinks that this sounds like."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from vtacli.signal.media import Frames


@dataclass(frozen=True)
class Seen:
    """One kind of thing in the picture: how probable it is, and the phrase that stands for its
    sound ("" where it makes none, or none that is known)."""

    what: str
    probability: float
    sound: str


DOUBTFUL = 0.15
"""Under this probability of its three likeliest sounds together a guess is hardly one."""


@dataclass(frozen=True)
class Guess:
    """``seen``: the kinds of thing, the most probable first. ``sounds``: the phrases that they
    amount to, with their probabilities, likewise. ``nothing``: what is left for no sound."""

    seen: tuple[Seen, ...] = ()
    sounds: tuple[tuple[str, float], ...] = ()

    @property
    def nothing(self) -> float:
        return max(0.0, 1.0 - sum(p for _, p in self.sounds))

    @property
    def doubtful(self) -> bool:
        """Whether the picture hardly says what would be heard."""
        return sum(p for _, p in self.sounds[:3]) < DOUBTFUL

    def to_dict(self) -> dict[str, Any]:
        """JSON values, probabilities to three places."""
        return {
            "seen": [{**asdict(s), "probability": round(s.probability, 3)} for s in self.seen],
            "sounds": [{"phrase": n, "probability": round(p, 3)} for n, p in self.sounds],
            "nothing": round(self.nothing, 3),
        }

    def text(self) -> str:
        """``racket .41, ball .22 -> ball hit .60``; in one line, the three likeliest of each."""
        if not self.seen:
            return "nothing that is known"
        seen = ", ".join(f"{s.what} {_share(s.probability)}" for s in self.seen[:3])
        sounds = ", ".join(f"{name} {_share(p)}" for name, p in self.sounds[:3])
        return f"{seen} -> {sounds or 'no sound'}"


def mean_of(guesses: Sequence[Guess]) -> Guess:
    """The guess of a scene from those of its windows, each counting alike."""
    seen: dict[tuple[str, str], float] = defaultdict(float)
    sounds: dict[str, float] = defaultdict(float)
    for guess in guesses:
        for s in guess.seen:
            seen[s.what, s.sound] += s.probability / len(guesses)
        for name, p in guess.sounds:
            sounds[name] += p / len(guesses)
    return Guess(
        tuple(Seen(w, p, s) for (w, s), p in sorted(seen.items(), key=lambda i: (-i[1], i[0]))),
        tuple(sorted(sounds.items(), key=lambda i: (-i[1], i[0]))),
    )


class Guesser(Protocol):
    """Looks at the pictures of one window; and knows of each phrase that it answers with, how
    many in [0, 1] of the recordings of such a thing are even rather than events."""

    def guess(self, frames: Frames) -> Guess: ...

    def bed_share(self, phrase: str) -> float: ...


def _share(probability: float) -> str:
    return f"{probability:.2f}".removeprefix("0")
