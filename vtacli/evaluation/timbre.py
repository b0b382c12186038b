"""The named prompts told apart by timbre: whose recordings is each sound nearest to?

A tagger's classes are a coarse judge: they name .77 of the recordings of the named prompts rightly,
its embedding .83 (weights/README.md). So each named prompt is the mean
direction of the embeddings of recordings that match it, and a sound is what it points to most
(nearest class mean, by cosine). Nothing is judged by itself: a recording's own series of takes has
no part in the means, nor have the series that a generated sound was drawn from.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.confusion import of_prompts, told_apart, which
from vtacli.evaluation.figures import Figure
from vtacli.evaluation.prompts import Prompt
from vtacli.evaluation.study import Suite
from vtacli.model.mini.series import series_of

if TYPE_CHECKING:
    from vtacli.evaluation.words import Made, Real


@dataclass(frozen=True)
class Kinds:
    """Recordings of several kinds. ``points``: (R, D) unit rows; ``kinds``: (R,) in 0..count - 1;
    ``series``: (R,) the name that takes of one thing share."""

    points: NDArray[np.float64]
    kinds: NDArray[np.int64]
    series: NDArray[np.str_]
    count: int

    @staticmethod
    def of(real: Sequence[Real], prompts: Sequence[Prompt]) -> Kinds:
        return Kinds(
            np.array([unit(r.heard.embedding) for r in real]),
            which(prompts, real),
            np.array([series_of(r.file) for r in real]),
            len(prompts),
        )

    def likeness(
        self, embedding: NDArray[np.float64], without: Collection[str] = ()
    ) -> NDArray[np.float64]:
        """(count,) cosine of (D,) with the mean direction of each kind, with no recording of the
        series ``without``; -inf for a kind of which nothing is left."""
        other = ~np.isin(self.series, list(without))
        point = unit(embedding)
        likeness = np.full(self.count, -np.inf)
        for kind in range(self.count):
            own = other & (self.kinds == kind)
            if own.any():
                likeness[kind] = unit(self.points[own].mean(axis=0)) @ point
        return likeness

    def likenesses(self, made: Sequence[Made]) -> NDArray[np.float64]:
        """(N, count) for generated sounds, each without the series that it was drawn from."""
        return np.array([self.likeness(m.heard.embedding, m.drawn_series) for m in made])

    def own_likenesses(self) -> NDArray[np.float64]:
        """(R, count) for the recordings themselves, each without its own series."""
        return np.array(
            [self.likeness(p, (s,)) for p, s in zip(self.points, self.series, strict=True)]
        )


def unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    """(D,) scaled to length 1; zeros stay zeros."""
    length = float(np.linalg.norm(vector))
    return np.asarray(vector / length if length > 0 else vector, np.float64)


def told_by_timbre(
    prompts: Sequence[Prompt], made: Sequence[Made], real: Sequence[Real], suite: Suite
) -> tuple[list[Figure], dict[str, Any]]:
    """Accuracy of generated and of real sounds, and both tables of counts (said, heard as)."""
    ours, theirs = of_prompts(prompts, made, real, suite)
    if not ours or not theirs:
        return [], {}
    kinds = Kinds.of(theirs, prompts)
    heard = kinds.likenesses(ours).argmax(axis=1)
    recorded = kinds.own_likenesses().argmax(axis=1)
    return told_apart(
        "timbre",
        "words, named prompts told apart by timbre",
        prompts,
        ours,
        heard,
        (kinds.kinds, recorded),
        suite,
        f"{len(theirs)} recordings, each without its own series",
    )
