"""A conditioner put together of named parts: encoder, auxiliaries in order, one projection."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn

from vtacli.errors import ConfigError
from vtacli.model.auxiliaries import auxiliary_class
from vtacli.model.condition import Condition
from vtacli.model.contract import WindowContent
from vtacli.model.encoders import open_encoder
from vtacli.model.encoders.base import FrozenEncoder, check_folder, thinned
from vtacli.model.encoders.features import Features, WindowFeatures
from vtacli.model.variants import FLOW_FRAMES_PER_SECOND
from vtacli.model.words import SentenceTower
from vtacli.signal.flow import flow_rows
from vtacli.signal.media import Frames


class Assembled(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Windows to tokens of the denoiser's ``width``; a :class:`Conditioner`.

    ``encoder`` is a name of :data:`vtacli.model.encoders.ENCODERS`, ``encoder_config`` its
    settings (None: the published ones). ``auxiliaries`` are names of
    :data:`vtacli.model.auxiliaries.AUXILIARIES`, applied in order. ``text``: the text tower's
    settings as transformers names them, for those that take words. ``control_steps`` of
    ``window_s`` seconds: the latents' time, for those that join as control. ``flow_method``: see
    :mod:`vtacli.signal.flow`.

    :meth:`features` is frozen and may be kept on disk; :meth:`condition_of` is what is trained:
    the projection and whatever the auxiliaries learn. :meth:`condition` is one after the other.
    """

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        encoder: str,
        encoder_config: Mapping[str, Any] | None = None,
        auxiliaries: Sequence[str] = (),
        width: int = 2048,
        text: Mapping[str, Any] | None = None,
        control_steps: int = 256,
        window_s: float = 10.24,
        flow_method: str = "dis",
    ):
        super().__init__()
        kinds = [auxiliary_class(name) for name in auxiliaries]
        if len(set(auxiliaries)) < len(kinds):
            raise ConfigError(f"an auxiliary twice over: {', '.join(auxiliaries)}.")
        # Not named as the settings are: attributes of a config come first.
        self.frames: FrozenEncoder = open_encoder(encoder, encoder_config)
        self.words = None if text is None else SentenceTower(text)
        tokens, said = self.frames.token_width, None if self.words is None else self.words.width
        self.joined = nn.ModuleDict(
            {name: kind(tokens, said) for name, kind in zip(auxiliaries, kinds, strict=True)}
        )
        self.projection = nn.Linear(tokens, width)

    @property
    def frame_size_px(self) -> int:
        return self.frames.frame_size_px

    @property
    def frames_per_second(self) -> Fraction:
        """How densely frames are to be sampled: the encoder takes as many of them as it sees."""
        own = self.frames.spec.frames_per_second
        return max(own, FLOW_FRAMES_PER_SECOND) if self.sees_flow else own

    @property
    def takes_text(self) -> bool:
        return any(a.takes_text for a in self._parts)

    @property
    def sees_order(self) -> bool:
        return any(a.sees_order for a in self._parts)

    @property
    def sees_flow(self) -> bool:
        return any(a.sees_flow for a in self._parts)

    @property
    def control_channels(self) -> int:
        """Of the control that this conditioner gives; 0 where it gives none."""
        return sum(a.channels for a in self._parts)

    def trainable_parameters(self) -> list[nn.Parameter]:
        """All and only what an optimizer may change here."""
        return [p for p in self.parameters() if p.requires_grad]

    @torch.no_grad()
    def features(self, content: WindowContent) -> WindowFeatures:
        """All that the frozen parts say of a window, on the encoder's device. Raises
        :class:`ConfigError` for words that this model cannot take."""
        words = self._heard(content.prompt)
        return WindowFeatures(
            picture=self.frames(thinned(content.frames, self.frames.spec.frames_per_second)),
            words=None if words is None or self.words is None else self.words(words),
            flow=self._flow(content.frames) if self.sees_flow else None,
        )

    def condition_of(self, rows: Sequence[WindowFeatures]) -> Condition:
        """(B, S, width), and (B, control_channels, control_steps) where there are any, with
        gradients for the trainable parts. Rows are made one by one, so none depends on its
        neighbours. Raises :class:`ValueError` for a row of nothing."""
        return Condition.stack([self._row(row.to(self.device)) for row in rows])

    def condition(self, contents: Sequence[WindowContent]) -> Condition:
        """See :class:`vtacli.model.conditioning.Conditioner`."""
        return self.condition_of([self.features(content) for content in contents])

    def uncondition(self, contents: Sequence[WindowContent] | None, like: Condition) -> Condition:
        """Zeros, all of them counted, as published; a negative prompt stands as words without a
        picture."""
        negatives = [None] * len(like) if contents is None else [c.negative for c in contents]
        if len(negatives) != len(like):
            raise ValueError(f"{len(negatives)} windows for a condition of {len(like)}")
        silent = None if like.control is None else torch.zeros_like(like.control[:1])
        nothing = Condition(
            torch.zeros_like(like.tokens[:1]), torch.ones_like(like.mask[:1]), silent
        )
        return Condition.stack([self._away(negative, nothing) for negative in negatives])

    def _away(self, negative: str | None, nothing: Condition) -> Condition:
        words = self._heard(negative)
        if words is None or self.words is None:
            return nothing
        said = self._row(WindowFeatures(words=self.words(words)))
        return Condition(said.tokens, said.mask, nothing.control)

    @property
    def _parts(self) -> list[Any]:
        return list(self.joined.values())

    def _heard(self, words: str | None) -> str | None:
        """The words, None where there are none to speak of."""
        if words is None or not words.strip():
            return None
        if not self.takes_text:
            raise ConfigError(
                "this model sees pictures alone and takes no words.",
                hint="Leave the prompt out, or choose a model that takes text.",
            )
        return words

    def _flow(self, frames: Frames) -> Features | None:
        rows, times_s = flow_rows(frames, self.config.flow_method)
        if not len(rows):
            return None
        return Features(torch.from_numpy(rows), torch.from_numpy(times_s)).to(self.device)

    def _row(self, row: WindowFeatures) -> Condition:
        weight = self.projection.weight
        tokens: Tensor | None = None
        if row.picture is not None and len(row.picture):
            tokens = row.picture.tokens.to(weight)
        for auxiliary in self._parts:
            if auxiliary.joins != "control":
                tokens = auxiliary(tokens, row)
        if tokens is None:
            raise ValueError("a window needs frames or words")
        projected = self.projection(tokens.to(weight))[None]
        mask = torch.ones(projected.shape[:2], dtype=torch.bool, device=projected.device)
        steps, window_s = self.config.control_steps, self.config.window_s
        curves = [
            auxiliary.control(row, steps, window_s, weight)
            for auxiliary in self._parts
            if auxiliary.joins == "control"
        ]
        return Condition(projected, mask, torch.cat(curves)[None] if curves else None)

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> None:
        """As diffusers does, with the text tower's tokenizer beside it."""
        super().save_pretrained(save_directory, **options)
        if self.words is not None:
            self.words.save_tokenizer(Path(save_directory))

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Self:
        """As diffusers does, from a local folder whose names must be exactly the parts', with the
        frozen parts frozen. Raises :class:`WeightsMissing` and :class:`WeightsRefused`."""
        check_folder(cls, Path(folder, options.get("subfolder") or ""))
        model: Self = super().from_pretrained(folder, **options)
        model.frames.freeze()
        if model.words is not None:
            model.words.requires_grad_(False)
            model.words.open_tokenizer(Path(folder, options.get("subfolder") or ""))
        return model
