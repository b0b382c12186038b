"""All figures of some clips that are known already: nothing is read and nothing is written."""

from __future__ import annotations

from collections.abc import Sequence

from vtacli.evaluation.films.figure import FilmFigure
from vtacli.evaluation.films.material import Clip, Ears
from vtacli.evaluation.films.paired import figure_of, measures
from vtacli.evaluation.films.sets import set_figures
from vtacli.evaluation.metrics.onsets import TOLERANCE_S


def figures_of(
    clips: Sequence[Clip], ears: Ears, *, tolerance_s: float = TOLERANCE_S, seed: int = 0
) -> list[FilmFigure]:
    """Every figure that these clips have anything to say about, with intervals over clips.

    A clip without a true sound, hits, caption or flow takes no part in what asks for them; each
    figure says of how many clips it speaks.
    """
    paired = (figure_of(m, clips, seed) for m in measures(ears, tolerance_s))
    return [*set_figures(clips, ears.listener.name, seed), *(f for f in paired if f is not None)]
