"""The denoiser in a few steps: low-rank changes to its linear layers, learnt by distillation.

The file ``few_steps.safetensors`` lies beside the denoiser's weights. For a linear layer of that
name it holds ``NAME.down`` (r, in) and ``NAME.up`` (out, r); the layer's weight becomes
W + scale * up @ down (LoRA; Hu et al., 2106.09685, section 4.1). The metadata say ``scale`` and
``steps``, for how many Euler steps of equal length, from pure noise down, it was made. Guidance is
distilled into it.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from vtacli.errors import WeightsRefused
from vtacli.model.describe import FEW_STEPS


@dataclass(frozen=True)
class FewSteps:
    """``changes``: layer name to (down, up). ``steps``: how many it was made for."""

    path: Path
    changes: dict[str, tuple[Tensor, Tensor]]
    scale: float
    steps: int

    @classmethod
    def of(cls, folder: Path) -> FewSteps | None:
        """What lies in a denoiser's folder; None where there is none.

        Raises WeightsRefused for a file that is not what it should be.
        """
        path = folder / FEW_STEPS
        if not path.is_file():
            return None
        try:
            with safe_open(str(path), framework="pt") as file:
                said = file.metadata() or {}
                tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
            scale, steps = float(said["scale"]), int(said["steps"])
        except (SafetensorError, OSError) as error:
            raise WeightsRefused(f"not safetensors: {error}.", path=path) from error
        except (KeyError, ValueError) as error:
            raise WeightsRefused(
                f"the metadata must say scale and steps: {error}.", path=path
            ) from error
        if not 1 <= steps <= 100:
            raise WeightsRefused(f"{steps} steps are not a few.", path=path)
        names = {name.rpartition(".")[0] for name in tensors}
        wanted = {f"{name}.{part}" for name in names for part in ("down", "up")}
        if not tensors or wanted != set(tensors):
            odd = sorted(wanted ^ set(tensors))[:3]
            raise WeightsRefused(f"every layer has down and up; check {', '.join(odd)}.", path=path)
        return cls(
            path, {n: (tensors[f"{n}.down"], tensors[f"{n}.up"]) for n in names}, scale, steps
        )

    @property
    def sigmas(self) -> list[float]:
        return euler_sigmas(self.steps)

    def merged(self, denoiser: nn.Module) -> nn.Module:
        """A copy of the denoiser with the changes in its weights, on its device and in its dtype.

        Raises WeightsRefused where a layer is absent, is not linear, or has another shape.
        """
        made = copy.deepcopy(denoiser)
        layers = dict(made.named_modules())
        for name, (down, up) in self.changes.items():
            layer = layers.get(name)
            if not isinstance(layer, nn.Linear):
                raise WeightsRefused(f"the denoiser has no linear layer {name}.", path=self.path)
            rows, columns = layer.weight.shape
            if (up.shape[0], down.shape[1]) != (rows, columns) or up.shape[1] != down.shape[0]:
                raise WeightsRefused(
                    f"{name} is {rows}×{columns}, its change {tuple(up.shape)} by "
                    f"{tuple(down.shape)}.",
                    path=self.path,
                )
            with torch.no_grad():
                change = self.scale * (up @ down)
                weight = layer.weight.float() + change.to(layer.weight.device)
                layer.weight.copy_(weight.to(layer.weight.dtype))
        return made.eval()


def euler_sigmas(steps: int) -> list[float]:
    """Noise levels of Euler steps of equal length: 1, (n - 1) / n, …, 1 / n."""
    return [1 - i / steps for i in range(steps)]
