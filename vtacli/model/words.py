"""CLIP's text tower: a sentence to one vector. Radford et al., 2103.00020."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoTokenizer, CLIPTextConfig, CLIPTextModelWithProjection

from vtacli.errors import WeightsRefused

TOKENIZER = "tokenizer"
LONGEST_PROMPT = 77


class SentenceTower(nn.Module):
    """``settings``: the tower's as transformers names them. The tokenizer lies beside the weights
    of whatever holds this, and is given later."""

    tokenizer: Any = None

    def __init__(self, settings: Mapping[str, Any]):
        super().__init__()
        self.clip_text = CLIPTextModelWithProjection(CLIPTextConfig(**settings))
        self.requires_grad_(False)
        self.eval()

    @property
    def width(self) -> int:
        return int(self.clip_text.config.projection_dim)

    @torch.no_grad()
    def forward(self, sentence: str) -> Tensor:
        """One sentence -> (1, W) float32. Beyond 77 tokens it is cut."""
        if self.tokenizer is None:
            raise WeightsRefused("this model has no tokenizer beside its encoder.")
        asked = self.tokenizer(
            [sentence], truncation=True, max_length=LONGEST_PROMPT, return_tensors="pt"
        )
        features: Tensor = self.clip_text(**asked.to(self.clip_text.device)).text_embeds
        return features.float()

    def train(self, mode: bool = True) -> SentenceTower:
        """Stays in evaluation mode: it is frozen."""
        super().train(False)
        return self

    def save_tokenizer(self, folder: Path) -> None:
        if self.tokenizer is not None:
            self.tokenizer.save_pretrained(str(folder / TOKENIZER))

    def open_tokenizer(self, folder: Path) -> None:
        """The tokenizer beside the weights, where there is one."""
        if (folder / TOKENIZER).is_dir():
            self.tokenizer = AutoTokenizer.from_pretrained(
                str(folder / TOKENIZER), local_files_only=True
            )
