"""The one thing that encoders give and denoisers take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class Condition:
    """Conditioning of a batch of windows.

    ``tokens``: (B, S, D) float, already projected to the denoiser's width.
    ``mask``: (B, S) bool, True where a token counts.
    ``control``: (B, C, L) float at the latents' own rate, or None.
    """

    tokens: torch.Tensor
    mask: torch.Tensor
    control: torch.Tensor | None = None

    def __post_init__(self) -> None:
        if self.tokens.ndim != 3 or self.mask.shape != self.tokens.shape[:2]:
            raise ValueError(
                f"tokens are (B, S, D) and mask (B, S), "
                f"got {tuple(self.tokens.shape)} and {tuple(self.mask.shape)}"
            )
        if self.mask.dtype != torch.bool:
            raise ValueError(f"the mask is bool, got {self.mask.dtype}")
        if self.control is not None and (
            self.control.ndim != 3 or len(self.control) != len(self.tokens)
        ):
            raise ValueError(f"control is (B, C, L), got {tuple(self.control.shape)}")

    def __len__(self) -> int:
        return int(self.tokens.shape[0])

    def to(self, device: torch.device | str, dtype: torch.dtype) -> Condition:
        return Condition(
            self.tokens.to(device, dtype),
            self.mask.to(device),
            None if self.control is None else self.control.to(device, dtype),
        )

    @staticmethod
    def stack(parts: Sequence[Condition]) -> Condition:
        """One batch of several. Tokens are padded with zeros to the longest, and masked."""
        longest = max(p.tokens.shape[1] for p in parts)

        def pad(x: torch.Tensor) -> torch.Tensor:
            missing = longest - x.shape[1]
            return torch.cat([x, x.new_zeros((x.shape[0], missing, *x.shape[2:]))], dim=1)

        controls = [p.control for p in parts if p.control is not None]
        if controls and len(controls) != len(parts):
            raise ValueError("either all conditions have a control curve or none has")
        return Condition(
            torch.cat([pad(p.tokens) for p in parts]),
            torch.cat([pad(p.mask) for p in parts]),
            torch.cat(controls) if controls else None,
        )
