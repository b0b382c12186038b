"""What encoders give, before anything is learned from it: values that can be kept on disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Features:
    """Vectors and when they speak. ``tokens``: (S, D) float32; ``times_s``: (S,) float64, from
    the window's start, ascending, on the CPU wherever the tokens are: not every device counts in
    float64."""

    tokens: Tensor
    times_s: Tensor

    def __post_init__(self) -> None:
        if self.tokens.ndim != 2 or self.times_s.shape != self.tokens.shape[:1]:
            raise ValueError(
                f"features are (S, D) with times (S,), "
                f"got {tuple(self.tokens.shape)} and {tuple(self.times_s.shape)}"
            )

    def __len__(self) -> int:
        return int(self.tokens.shape[0])

    def to(self, device: torch.device | str) -> Features:
        return Features(self.tokens.to(device), self.times_s)


@dataclass(frozen=True, eq=False)
class WindowFeatures:
    """All that is known of one window, and frozen: what training keeps instead of films.

    ``picture``: the encoder's tokens, or None where nothing is seen. ``words``: (1, W) float32,
    the prompt's vector, or None. ``flow``: a row for each pair of neighbouring frames
    (:mod:`vtacli.signal.flow`), or None where it is not asked for or there is no pair.
    """

    picture: Features | None = None
    words: Tensor | None = None
    flow: Features | None = None

    def __post_init__(self) -> None:
        if self.words is not None and (self.words.ndim != 2 or len(self.words) != 1):
            raise ValueError(f"words are (1, W), got {tuple(self.words.shape)}")

    def to(self, device: torch.device | str) -> WindowFeatures:
        return WindowFeatures(
            None if self.picture is None else self.picture.to(device),
            None if self.words is None else self.words.to(device),
            None if self.flow is None else self.flow.to(device),
        )

    def tensors(self) -> dict[str, Tensor]:
        """As named tensors for a safetensors file; what is None is left out."""
        found: dict[str, Tensor] = {}
        for name, part in (("picture", self.picture), ("flow", self.flow)):
            if part is not None:
                found[f"{name}.tokens"] = part.tokens.contiguous()
                found[f"{name}.times_s"] = part.times_s.contiguous()
        if self.words is not None:
            found["words"] = self.words.contiguous()
        return found

    @staticmethod
    def of_tensors(tensors: Mapping[str, Tensor]) -> WindowFeatures:
        """The inverse of :meth:`tensors`. Raises :class:`KeyError` where half of a part is
        missing."""

        def part(name: str) -> Features | None:
            if f"{name}.tokens" not in tensors:
                return None
            return Features(tensors[f"{name}.tokens"], tensors[f"{name}.times_s"])

        return WindowFeatures(part("picture"), tensors.get("words"), part("flow"))
