"""Hits apart from beds: which of the sounds that a picture suggests are struck, and which go on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from vtacli.model.guess import Guess
from vtacli.timeline import Scene

HITS, BEDS = "hits", "beds"

BED_FROM = 0.5
"""A phrase names a bed where at least this share of the recordings most like it are even ones."""

SURE_ENOUGH = 0.15
"""A kind is heard in a scene from this probability of its phrases on. Below it the model lays no
recording for a guess either."""

WORDS, NEAR_THE_FIRST = 3, 0.5
"""At most so many phrases are said of a kind, none less probable than this share of the first."""


def words_of(guess: Guess, wanted: Callable[[str], bool]) -> str | None:
    """The likeliest phrases that are ``wanted``, as a prompt; None where they are not sure."""
    heard = [(phrase, p) for phrase, p in guess.sounds if wanted(phrase)]
    if sum(p for _, p in heard) < SURE_ENOUGH:
        return None
    least = heard[0][1] * NEAR_THE_FIRST
    return ", ".join(phrase for phrase, p in heard[:WORDS] if p >= least)


def kinds_of(
    scenes: Sequence[Scene], guesses: Sequence[Guess], bed_share: Callable[[str], float]
) -> dict[str, tuple[Scene, ...]]:
    """The scenes in which each kind is heard, with their words as prompts; kinds heard nowhere
    are left out.

    ``bed_share(phrase)``: the share of even recordings among those most like it. Hits that a
    person wrote down are heard in any case. Where neither kind is sure, the scene is one of hits
    without words: the model then follows the whole guess and the motion, as it does in a dub.
    """
    found: dict[str, list[Scene]] = {HITS: [], BEDS: []}
    for scene, guess in zip(scenes, guesses, strict=True):
        hits = words_of(guess, lambda phrase: bed_share(phrase) < BED_FROM)
        beds = words_of(guess, lambda phrase: bed_share(phrase) >= BED_FROM)
        if hits is not None or beds is None or scene.hits:
            found[HITS].append(replace(scene, prompt=hits))
        if beds is not None:
            found[BEDS].append(replace(scene, prompt=beds, hits=()))
    return {kind: tuple(some) for kind, some in found.items() if some}
