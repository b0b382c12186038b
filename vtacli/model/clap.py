"""CLAP (Wu et al., ICASSP 2023), as transformers has it: sounds and words in one space."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from vtacli.errors import WeightsRefused
from vtacli.signal.stretches import sounding, windows_of

WINDOW_S = 10
"""It was trained on ten seconds at a time."""


class Clap:
    """A CLAP from its folder, every name held against the network's own. Raises WeightsRefused."""

    def __init__(self, folder: Path, device: str | torch.device = "cpu"):
        from transformers import AutoTokenizer, ClapFeatureExtractor, ClapModel

        if not (folder / "config.json").is_file():
            # transformers would take the published sizes for granted
            raise WeightsRefused(
                "not a CLAP of transformers: there is no config.json.", path=folder
            )
        try:
            told: Any = ClapModel.from_pretrained(
                folder, local_files_only=True, use_safetensors=True, output_loading_info=True
            )
            self.network, loading = told
            self.features = ClapFeatureExtractor.from_pretrained(folder, local_files_only=True)
            self.tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True)
        except (OSError, ValueError, RuntimeError, SafetensorError) as error:
            raise WeightsRefused(f"not a CLAP of transformers: {error}.", path=folder) from error
        wrong = [*loading["missing_keys"], *loading["unexpected_keys"]]
        if wrong or loading["mismatched_keys"]:
            raise WeightsRefused(
                f"the weights do not fit: {len(wrong)} names are missing or unknown.", path=folder
            )
        self.network.eval().to(device)
        self.rate_hz = int(self.features.sampling_rate)
        self.width = int(self.network.config.projection_dim)
        self.said = lru_cache(maxsize=4096)(self._said)

    @torch.no_grad()
    def heard(self, wave: NDArray[np.float32]) -> NDArray[np.float32]:
        """(N,) at its rate -> (P, width), a row each ten seconds that are not silent."""
        parts = windows_of(wave, WINDOW_S * self.rate_hz)
        kept = [p for p in parts if sounding(p, len(p), len(p), 1)[0]]
        if not kept:
            return np.zeros((0, self.width), np.float32)
        seen = self.features(kept, sampling_rate=self.rate_hz, return_tensors="pt")
        seen = seen.to(self.network.device)
        return _vectors(self.network.get_audio_features(**seen))

    @torch.no_grad()
    def _said(self, caption: str) -> NDArray[np.float64]:
        """(width,)"""
        words = self.tokenizer([caption], return_tensors="pt").to(self.network.device)
        found = self.network.get_text_features(
            input_ids=words["input_ids"], attention_mask=words["attention_mask"]
        )
        return np.asarray(_vectors(found)[0], np.float64)


def _vectors(found: Any) -> NDArray[np.float32]:
    # some versions of transformers give the vectors themselves, others what they are part of
    tensor = found if isinstance(found, torch.Tensor) else found.pooler_output
    return np.asarray(tensor.cpu().numpy(), np.float32)
