"""The frozen autoencoder's work, done once: the posterior of every example's latents, on disk."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from vtacli.errors import StorageError
from vtacli.model.encoders.features import WindowFeatures
from vtacli.progress import Report, Step

SHARD = 512
"""Examples in a file."""
AT_ONCE = 4


class Example(Protocol):
    """What is read of an example: see :class:`vtacli.training.data.prepared.Example`."""

    @property
    def id(self) -> str: ...
    @property
    def mel(self) -> Tensor: ...
    @property
    def features(self) -> WindowFeatures: ...
    @property
    def caption(self) -> str | None: ...
    @property
    def source(self) -> str: ...


Moments = tuple[Tensor, Tensor]
"""Mean and standard deviation of a posterior, each (C, T, F) float32, scaled for the denoiser."""


@torch.no_grad()
def moments_of(vae: Any, mels: Tensor) -> tuple[Tensor, Tensor]:
    """(B, 1, frames, bands) natural-log mel to two (B, C, T, F) on the CPU."""
    said = vae.encode(mels.to(vae.device, vae.dtype)).latent_dist
    scale = getattr(vae.config, "scaling_factor", None) or 1.0
    return (said.mean.float() * scale).cpu(), (said.std.float() * scale).cpu()


class LatentCache:
    """Posteriors of all ``examples`` in ``folder``, which is bound to one autoencoder and one set
    of examples by its name. float16: a relative error of 0.0005, below the posterior's own width.
    """

    def __init__(self, folder: Path, examples: Sequence[Example]):
        self.folder, self.examples = folder, examples
        self._open: dict[int, Any] = {}

    def make(self, vae: Any, process: int, processes: int, report: Report) -> None:
        """Make what is missing; each process every ``processes``-th file. Files appear whole."""
        self.folder.mkdir(parents=True, exist_ok=True)
        shards = range(0, len(self.examples), SHARD)
        for number, first in enumerate(shards):
            path = self._path(number)
            if number % processes != process or path.is_file():
                continue
            held: dict[str, Tensor] = {}
            last = min(first + SHARD, len(self.examples))
            for begin in range(first, last, AT_ONCE):
                chosen = range(begin, min(begin + AT_ONCE, last))
                means, deviations = moments_of(
                    vae, torch.stack([self.examples[i].mel for i in chosen])
                )
                for i, mean, deviation in zip(chosen, means, deviations, strict=True):
                    held[f"{i}.mean"] = mean.half().contiguous()
                    held[f"{i}.std"] = deviation.half().contiguous()
                report(Step("latents", begin + len(chosen), len(self.examples)))
            temporary = path.with_suffix(".partial")
            try:
                save_file(held, temporary)
                temporary.replace(path)
            except OSError as error:
                raise StorageError(f"latents cannot be kept: {error}", path=path) from error

    def __getitem__(self, index: int) -> Moments:
        shard = index // SHARD
        if shard not in self._open:
            self._open[shard] = safe_open(self._path(shard), "pt")
        file = self._open[shard]
        return file.get_tensor(f"{index}.mean").float(), file.get_tensor(f"{index}.std").float()

    def _path(self, number: int) -> Path:
        return self.folder / f"latents-{number:05d}.safetensors"


def digest_of(parts: dict[str, Any], weights: Callable[[], dict[str, Tensor]]) -> str:
    """A short name for settings and weights together."""
    from hashlib import sha256

    digest = sha256(json.dumps(parts, sort_keys=True, default=str).encode())
    for name, value in sorted(weights().items()):
        digest.update(name.encode())
        digest.update(value.detach().float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
