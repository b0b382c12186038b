"""CLIP4Clip, the published encoder: a CLIP vision tower over frames, a text tower, one projection.

Each frame is one token. The published model is given pixels in [0, 1] *without* CLIP's own
normalisation; that is part of what it learned, and kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from transformers import (
    AutoTokenizer,
    CLIPTextConfig,
    CLIPTextModelWithProjection,
    CLIPVisionConfig,
    CLIPVisionModelWithProjection,
)

from vtacli.errors import ConfigError, WeightsRefused
from vtacli.model.auxiliary import add_positions, prepend_words, words_alone
from vtacli.model.condition import Condition
from vtacli.model.contract import WindowContent
from vtacli.signal.media import Frames

TOKENIZER = "tokenizer"
LONGEST_PROMPT = 77


class Clip4Clip(ModelMixin, ConfigMixin):  # type: ignore[misc]
    """Frames and words to tokens of the denoiser's ``width``.

    ``vision`` and ``text`` are the towers' settings as transformers names them. ``position`` adds
    the frames' order; ``takes_text`` says whether the denoiser learned to listen to words.
    Saved with its tokenizer, in a folder beside the weights.
    """

    tokenizer: Any = None

    @register_to_config  # type: ignore[untyped-decorator]
    def __init__(
        self,
        vision: Mapping[str, Any],
        text: Mapping[str, Any],
        width: int = 2048,
        position: bool = False,
        takes_text: bool = False,
    ):
        super().__init__()
        self.clip_vision = CLIPVisionModelWithProjection(CLIPVisionConfig(**vision))
        self.clip_text = CLIPTextModelWithProjection(CLIPTextConfig(**text))
        self.linear_layer = nn.Linear(self.clip_vision.config.projection_dim, width)

    @property
    def frame_size_px(self) -> int:
        return int(self.clip_vision.config.image_size)

    def condition(self, contents: Sequence[WindowContent]) -> Condition:
        """(B, S, width); S is one token a frame, twice that with words in front, 20 for words
        without a picture. Windows are encoded one by one, so none depends on its neighbours.

        Raises :class:`ConfigError` for words that this model cannot take.
        """
        return Condition.stack([self._tokens(c.frames, self._heard(c.prompt)) for c in contents])

    def uncondition(self, contents: Sequence[WindowContent] | None, like: Condition) -> Condition:
        """Zeros, all of them counted, as published (they have no effect in attention, whose keys
        and values have no bias); a negative prompt stands as words without a picture."""
        negatives = [None] * len(like) if contents is None else [c.negative for c in contents]
        if len(negatives) != len(like):
            raise ValueError(f"{len(negatives)} windows for a condition of {len(like)}")
        nothing = torch.zeros_like(like.tokens[:1])
        all_count = torch.ones_like(like.mask[:1])
        return Condition.stack(
            [
                self._tokens(None, words)
                if (words := self._heard(negative)) is not None
                else Condition(nothing, all_count)
                for negative in negatives
            ]
        )

    def _heard(self, words: str | None) -> str | None:
        """The words, None where there are none to speak of."""
        if words is None or not words.strip():
            return None
        if not self.config.takes_text:
            raise ConfigError(
                "this model sees pictures alone and takes no words.",
                hint="Leave the prompt out, or choose a model that takes text.",
            )
        return words

    def _tokens(self, frames: Frames | None, words: str | None) -> Condition:
        picture = None if frames is None or len(frames) == 0 else self._see(frames)
        sentence = None if words is None else self._read(words)
        if sentence is None:
            if picture is None:
                raise ValueError("a window needs frames or words")
            features = add_positions(picture) if self.config.position else picture
        elif picture is None:
            features = words_alone(sentence)
        else:
            # The published code leaves positions out where there are words.
            features = prepend_words(sentence, picture)
        tokens = self.linear_layer(features)[None]
        return Condition(tokens, torch.ones(tokens.shape[:2], dtype=torch.bool).to(tokens.device))

    def _see(self, frames: Frames) -> Tensor:
        """(T, 3, size, size) uint8 -> (T, D)."""
        size = self.frame_size_px
        if frames.data.shape[2:] != (size, size):
            raise ValueError(f"this encoder sees {size}x{size} frames, got {frames.data.shape[2:]}")
        weight = self.linear_layer.weight
        pixels = torch.from_numpy(frames.data).to(weight.device).float() / 255
        features: Tensor = self.clip_vision(pixels.to(weight.dtype)).image_embeds
        return features

    def _read(self, words: str) -> Tensor:
        """One sentence -> (1, D). Beyond 77 tokens it is cut."""
        if self.tokenizer is None:
            raise WeightsRefused("this model has no tokenizer beside its encoder.")
        asked = self.tokenizer(
            [words], truncation=True, max_length=LONGEST_PROMPT, return_tensors="pt"
        )
        device = self.linear_layer.weight.device
        features: Tensor = self.clip_text(**asked.to(device)).text_embeds
        return features

    def save_pretrained(self, save_directory: str | Path, **options: Any) -> None:
        """As diffusers does, with the tokenizer beside it."""
        super().save_pretrained(save_directory, **options)
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(str(Path(save_directory) / TOKENIZER))

    @classmethod
    def from_pretrained(cls, folder: str | Path, **options: Any) -> Self:
        """As diffusers does, from a local folder."""
        model: Self = super().from_pretrained(folder, **options)
        beside = Path(folder, options.get("subfolder") or "", TOKENIZER)
        if beside.is_dir():
            model.tokenizer = AutoTokenizer.from_pretrained(str(beside), local_files_only=True)
        return model
