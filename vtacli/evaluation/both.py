"""The named prompts told apart by all that the tagger says: its classes and its embedding.

Each alone is a coarse judge. Of the recordings the classes name .77 rightly and the embedding .83,
both together .84 (weights/README.md). So the two are added in units of their own deviation: the
classes' scores, which are calibrated so already, and the cosines with each prompt's recordings over
how far these vary for recordings of other prompts. No weight is fitted: anything from a third to
five times this one tells the recordings apart as well, within .02.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vtacli.evaluation.confusion import by_classes, of_prompts, told_apart
from vtacli.evaluation.figures import Figure
from vtacli.evaluation.judge import Judge
from vtacli.evaluation.prompts import Prompt
from vtacli.evaluation.study import Suite
from vtacli.evaluation.timbre import Kinds

if TYPE_CHECKING:
    from vtacli.evaluation.words import Made, Real


def told_by_both(
    prompts: Sequence[Prompt],
    made: Sequence[Made],
    real: Sequence[Real],
    judge: Judge,
    suite: Suite,
) -> tuple[list[Figure], dict[str, Any]]:
    """Accuracy of generated and of real sounds, and both tables of counts (said, heard as)."""
    ours, theirs = of_prompts(prompts, made, real, suite)
    if not ours or not theirs:
        return [], {}
    kinds = Kinds.of(theirs, prompts)
    classes, classes_real = by_classes(prompts, ours, theirs, judge)
    likeness, likeness_real = kinds.likenesses(ours), kinds.own_likenesses()
    unit = deviation(likeness_real, kinds.kinds)
    return told_apart(
        "both",
        "words, named prompts told apart by classes and timbre",
        prompts,
        ours,
        (classes + likeness / unit).argmax(axis=1),
        (kinds.kinds, (classes_real + likeness_real / unit).argmax(axis=1)),
        suite,
        f"{len(theirs)} recordings, each without its own series",
    )


def deviation(likeness: NDArray[np.float64], kinds: NDArray[np.int64]) -> float:
    """How far likenesses (R, count) vary over recordings that are not of the kind, ``kinds`` (R,)
    being what they are; the mean over kinds, not under 0.01."""
    others = (likeness[kinds != k, k] for k in range(likeness.shape[1]))
    known = [o[np.isfinite(o)] for o in others]
    spreads = [float(o.std()) for o in known if len(o) > 1]
    return max(0.01, float(np.mean(spreads))) if spreads else 1.0
