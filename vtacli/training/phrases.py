"""Phrases such as a prompt may hold, in any number: what the text space is fitted to.

They are drawn from a list of things heard in films and what these do, from names of sounds and
of things seen, and from the tokenizer's own vocabulary, so that no word is left without a phrase.
"""

from __future__ import annotations

import random
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources


@dataclass(frozen=True)
class Group:
    """Things of a kind, and what they do: (base form, -ing form) of each action."""

    things: tuple[str, ...]
    actions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class FoleyWords:
    """The word lists of ``foley_words.toml``."""

    groups: tuple[Group, ...]
    manners: tuple[str, ...]
    places: tuple[str, ...]

    @classmethod
    def shipped(cls) -> FoleyWords:
        text = (resources.files("vtacli.training") / "foley_words.toml").read_text("utf-8")
        data = tomllib.loads(text)
        return cls(
            tuple(
                Group(
                    _items(group["things"]),
                    tuple(_two_forms(action) for action in _items(group["actions"])),
                )
                for group in data["group"]
            ),
            _items(data["manner"]),
            _items(data["place"]),
        )


def draw_phrases(
    count: int, words: FoleyWords, names: Sequence[str], vocabulary: Sequence[str], seed: int
) -> list[str]:
    """About ``count`` different phrases, the same for the same seed, in no special order.

    Half are made of the film's words, a third are short random neighbourhoods of vocabulary words
    (each word at least once), the rest are ``names`` with and without a template around them.
    """
    rng = random.Random(seed)
    phrases = dict.fromkeys(vocabulary)
    phrases.update((name, None) for name in names)
    for word in vocabulary:
        phrases[_neighbours(word, words, vocabulary, rng)] = None
    while len(phrases) < count:
        if rng.random() < 0.85:
            phrases[_foley(words, rng)] = None
        else:
            phrases[_template(rng.choice(names), words, rng)] = None
    drawn = list(phrases)
    rng.shuffle(drawn)
    return drawn


def _foley(words: FoleyWords, rng: random.Random) -> str:
    group = rng.choice(words.groups)
    thing = rng.choice(group.things)
    base, continuous = rng.choice(group.actions)
    manner, place = rng.choice(words.manners), rng.choice(words.places)
    other = rng.choice(rng.choice(words.groups).things)
    return rng.choice(
        (
            f"{thing} {base}",
            f"{thing} {continuous}",
            f"{continuous} {thing}",
            f"{manner} {thing}",
            f"{manner} {thing} {base}",
            f"a {thing} {continuous}",
            f"{thing} {continuous} in the {place}",
            f"{base} {thing}",
            f"{thing} on {other}",
            f"{thing} {base} {other}",
            f"{thing} {continuous} on a {other}",
            f"{manner} {continuous}",
            f"{thing} in the {place}",
            f"{thing} and {other}",
            f"{other} {thing}",
        )
    )


def _template(name: str, words: FoleyWords, rng: random.Random) -> str:
    return rng.choice(
        (
            f"the sound of {name}",
            f"{rng.choice(words.manners)} {name}",
            f"{name} in the {rng.choice(words.places)}",
            f"{name} and {rng.choice(rng.choice(words.groups).things)}",
            f"a {name}",
        )
    )


def _neighbours(word: str, words: FoleyWords, vocabulary: Sequence[str], rng: random.Random) -> str:
    group = rng.choice(words.groups)
    other = rng.choice(
        (rng.choice(group.things), rng.choice(group.actions)[1], rng.choice(vocabulary))
    )
    return f"{word} {other}" if rng.random() < 0.5 else f"{other} {word}"


def _items(text: str) -> tuple[str, ...]:
    return tuple(" ".join(item.split()) for item in text.split(",") if item.strip())


def _two_forms(action: str) -> tuple[str, str]:
    """ "take off taking off" -> ("take off", "taking off")."""
    parts = action.split()
    half = len(parts) // 2
    return " ".join(parts[:half]), " ".join(parts[half:])
