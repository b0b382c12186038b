"""The branches of guidance for a batch of windows: which run, with what weight, on what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from vtacli.model.condition import Condition
from vtacli.model.conditioning import Conditioner
from vtacli.model.contract import WindowContent
from vtacli.model.guidance import Branch, Scales, branch_weights
from vtacli.signal.media import Frames


@dataclass(frozen=True)
class Branches:
    """``weights``: how much of each branch's prediction counts, in the order in which they lie in
    ``condition``, of (branches * B) rows. ``full``: the place of the branch with everything, or
    None where it does not run. ``asked``: that branch's condition, of B rows, which does not run
    where its weight is zero."""

    weights: dict[Branch, float]
    condition: Condition
    full: int | None
    asked: Condition


def heeded(content: WindowContent, scales: Scales) -> WindowContent:
    """The window without the inputs whose scale is 0: then they are as good as absent."""
    if scales.words == 0:
        unseen = Frames(content.frames.data[:0], content.frames.times_s[:0])
        content = replace(content, frames=unseen, prompt=None, negative=None)
    if scales.motion == 0:
        content = replace(content, motion=None)
    if scales.hits == 0:
        content = replace(content, hits=())
    if content.reference_strength == 0:
        content = replace(content, references=())
    return content


def branches_of_contents(
    encoder: Conditioner, contents: Sequence[WindowContent], scales: Scales, *, controlled: bool
) -> Branches:
    """For windows of a model that follows motion and hits (``controlled``), or words alone.

    The draft comes in with the first of motion and hits that a window has.
    """
    if not controlled:
        asked = encoder.condition(contents)
        if scales.words == 0:
            nothing = encoder.uncondition(None, asked)
            return Branches({"none": 1.0}, nothing, None, asked)
        return _stacked(
            branch_weights([("words", scales.words)]),
            {"words": asked},
            lambda: encoder.uncondition(contents, asked),
        )
    contents = [heeded(c, scales) for c in contents]
    asked = encoder.condition(contents)
    silent = torch.zeros_like(asked.control) if asked.control is not None else None
    chain: list[tuple[Branch, float]] = []
    made: dict[Branch, Condition] = {}
    if scales.words > 0:
        chain.append(("words", scales.words))
        made["words"] = replace(asked, control=silent)
    moving, struck = any(c.motion is not None for c in contents), any(c.hits for c in contents)
    if moving:
        chain.append(("motion", scales.motion))
        made["motion"] = asked
    if struck:
        chain.append(("hits", scales.hits))
        made["hits"] = asked
    if not moving and not struck:
        # What is left is the draft of a bed, or of what was said.
        chain.append(("motion", scales.motion or scales.words or scales.hits or 1.0))
        made["motion"] = asked
    weights = branch_weights(chain)
    if struck and "motion" in weights:
        made["motion"] = _without_hits(encoder, contents, asked)
    return _stacked(weights, made, lambda: encoder.uncondition(contents, asked))


def branches_of_condition(
    asked: Condition, away: Condition | None, nothing: Conditioner, scales: Scales
) -> Branches:
    """For a condition that was made before. Its curves are guided by one scale, ``scales.hits``."""
    if scales.motion != scales.hits:
        raise ValueError("motion and hits of a finished condition have one scale between them")
    chain: list[tuple[Branch, float]] = [("words", scales.words)]
    made: dict[Branch, Condition] = {"words": asked}
    if asked.control is not None:
        chain.append(("hits", scales.hits))
        made = {"words": replace(asked, control=torch.zeros_like(asked.control)), "hits": asked}
    return _stacked(branch_weights(chain), made, lambda: away or nothing.uncondition(None, asked))


def _stacked(
    weights: dict[Branch, float],
    made: dict[Branch, Condition],
    nothing: Callable[[], Condition],
) -> Branches:
    """``made``: the conditions in the chain's order, the last one with everything."""
    *_, last = made
    parts = []
    for branch in weights:
        if branch == "none":
            away, control = nothing(), made[last].control
            # What guidance leads away from has no curve, whatever its maker thought of it.
            silent = None if control is None else torch.zeros_like(control)
            parts.append(replace(away, control=silent))
        else:
            parts.append(made[branch])
    full = list(weights).index(last) if last in weights else None
    return Branches(weights, Condition.stack(parts), full, made[last])


def _without_hits(
    encoder: Conditioner, contents: Sequence[WindowContent], asked: Condition
) -> Condition:
    """As asked, with the hits unknown. A window without motion has no curve and no draft before
    its hits come; one without either has its draft at once."""
    bare = encoder.condition([replace(c, hits=()) for c in contents])
    assert bare.control is not None
    keep = torch.tensor([c.motion is not None or not c.hits for c in contents])
    kept = keep.to(bare.control)[:, None, None]
    return replace(asked, control=bare.control * kept)
