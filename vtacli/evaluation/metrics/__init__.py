"""The field's measures of generated sound, as published: numbers in, numbers out.

Nothing here opens a file or a network. What is compared comes from a listener
(:mod:`vtacli.evaluation.listeners`) and from :mod:`vtacli.signal`.
"""

from vtacli.evaluation.metrics.classes import divergence, inception_score, softmax
from vtacli.evaluation.metrics.frechet import frechet_distance, frechet_of_gaussians
from vtacli.evaluation.metrics.kernel import kernel_distance
from vtacli.evaluation.metrics.levels import Levels, levels_of
from vtacli.evaluation.metrics.onsets import OnsetCounts, match_onsets

__all__ = [
    "Levels",
    "OnsetCounts",
    "divergence",
    "frechet_distance",
    "frechet_of_gaussians",
    "inception_score",
    "kernel_distance",
    "levels_of",
    "match_onsets",
    "softmax",
]
