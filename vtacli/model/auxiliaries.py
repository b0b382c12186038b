"""What may join a picture's tokens before the projection, by name.

Each says how it joins: ``add`` to every token, ``concat`` in time, or ``control`` as channels
beside the latents. A recipe names any set of them, and they are applied in its order.
"""

from __future__ import annotations

from typing import ClassVar, Literal

from torch import Tensor, nn

from vtacli.errors import ConfigError
from vtacli.model.auxiliary import add_positions, prepend_words, words_alone
from vtacli.model.auxiliary_flow import CONTROL_CHANNELS, TOKEN_VALUES, control_of, token_rows
from vtacli.model.encoders.features import WindowFeatures

Joins = Literal["add", "concat", "control"]


class Auxiliary(nn.Module):
    """``width``: D of the encoder's tokens. ``words_width``: of a sentence's vector, where the
    model has a text tower."""

    joins: ClassVar[Joins] = "add"
    takes_text: ClassVar[bool] = False
    sees_order: ClassVar[bool] = False
    sees_flow: ClassVar[bool] = False
    channels: ClassVar[int] = 0
    """Of control, for those that join so."""

    def __init__(self, width: int, words_width: int | None = None):
        super().__init__()

    def forward(self, tokens: Tensor | None, row: WindowFeatures) -> Tensor | None:
        """(S, D), or None where nothing has been seen or said so far, to the same with what is
        known of the window."""
        raise NotImplementedError


class Position(Auxiliary):
    """Sinusoids of the tokens' order, added (the published +PE)."""

    sees_order = True

    def forward(self, tokens: Tensor | None, row: WindowFeatures) -> Tensor | None:
        return None if tokens is None else add_positions(tokens)


class _Words(Auxiliary):
    """A sentence's vector, brought to the tokens' width where it has another one."""

    takes_text = True

    def __init__(self, width: int, words_width: int | None = None):
        super().__init__(width, words_width)
        if words_width is None:
            raise ConfigError("words need a text tower.", hint="Give the model one.")
        same = words_width == width
        self.bring: nn.Module = nn.Identity() if same else nn.Linear(words_width, width)

    def said(self, row: WindowFeatures, like: nn.Module) -> Tensor | None:
        if row.words is None:
            return None
        weight = next(like.parameters(), None)
        words: Tensor = self.bring(row.words if weight is None else row.words.to(weight))
        return words


class TextConcat(_Words):
    """The sentence before the frames, once for each (the published +text); 20 times over where
    there is no picture."""

    joins = "concat"

    def forward(self, tokens: Tensor | None, row: WindowFeatures) -> Tensor | None:
        said = self.said(row, self.bring)
        if said is None:
            return tokens
        return words_alone(said) if tokens is None else prepend_words(said.to(tokens), tokens)


class TextAdd(_Words):
    """The sentence added to every token; by itself, 20 times over, where there is no picture."""

    def forward(self, tokens: Tensor | None, row: WindowFeatures) -> Tensor | None:
        said = self.said(row, self.bring)
        if said is None:
            return tokens
        return words_alone(said) if tokens is None else tokens + said.to(tokens)


class FlowToken(Auxiliary):
    """The motion around each token, learned to be added to it. Words by themselves move not."""

    sees_order = True
    sees_flow = True

    def __init__(self, width: int, words_width: int | None = None):
        super().__init__(width, words_width)
        self.bring = nn.Linear(TOKEN_VALUES, width)

    def forward(self, tokens: Tensor | None, row: WindowFeatures) -> Tensor | None:
        if tokens is None or row.picture is None or not len(row.picture):
            return tokens
        if len(tokens) != len(row.picture):
            raise ConfigError(
                "flow-token must stand before text-concat: it is added to the frames alone."
            )
        moved: Tensor = self.bring(token_rows(row.flow, row.picture.times_s, tokens))
        return tokens + moved


class FlowControl(Auxiliary):
    """The film's motion as channels beside the latents. Nothing is learned here."""

    joins = "control"
    sees_order = True
    sees_flow = True
    channels = CONTROL_CHANNELS

    def control(self, row: WindowFeatures, steps: int, window_s: float, like: Tensor) -> Tensor:
        """(channels, steps)."""
        return control_of(row.flow, steps, window_s, like)


AUXILIARIES: dict[str, type[Auxiliary]] = {
    "position": Position,
    "text-concat": TextConcat,
    "text-add": TextAdd,
    "flow-token": FlowToken,
    "flow-control": FlowControl,
}


def auxiliary_class(name: str) -> type[Auxiliary]:
    """Raises :class:`ConfigError` for an unknown name."""
    if name not in AUXILIARIES:
        raise ConfigError(f"no auxiliary {name!r}.", hint=f"Choose of {', '.join(AUXILIARIES)}.")
    return AUXILIARIES[name]
