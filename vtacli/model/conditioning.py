"""What the pipeline asks of an encoder, whichever it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from vtacli.model.condition import Condition
from vtacli.model.contract import WindowContent


class Conditioner(Protocol):
    """Turns what windows show and what is asked of them into a :class:`Condition`."""

    def condition(self, contents: Sequence[WindowContent]) -> Condition:
        """One row for each window, projected to the denoiser's width, on the encoder's device."""
        ...

    def uncondition(self, contents: Sequence[WindowContent] | None, like: Condition) -> Condition:
        """What guidance leads away from, for the same windows: their negative prompts where they
        have them, otherwise nothing. ``contents`` of None: nothing, for every row of ``like``.
        Its control is ignored: an absent curve is zeros."""
        ...
