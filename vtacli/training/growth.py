"""Going on with more latent channels than before: what was learnt keeps its place.

The old channels come first and mean what they meant; the new ones begin without any effect, so
that a widened network gives at first what the narrow one gave (function-preserving growth, Chen
et al., 1511.05641).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch

from vtacli.model.mini.codec import MelCodec
from vtacli.model.mini.denoiser import MiniDenoiser

State = Mapping[str, torch.Tensor]
SURE = -3.0
"""Log-variance with which a new channel begins: noise would hide what it has to say."""


def widened_codec(narrow: State, wide: State) -> dict[str, torch.Tensor]:
    """The narrow codec's weights in the shapes of ``wide``, whose fresh values say how the new
    channels begin to look at a sound. Nothing is heard of them yet."""
    had = narrow["latent_mean"].shape[0]
    out = {k: v for k, v in narrow.items() if k not in wide or v.shape == wide[k].shape}
    for end in ("weight", "bias"):
        fresh, held = wide[f"to_moments.{end}"].clone(), narrow[f"to_moments.{end}"]
        mean, log_variance = fresh.chunk(2)
        log_variance.fill_(SURE if end == "bias" else 0.0)
        old_mean, old_log_variance = held.chunk(2)
        mean[:had], log_variance[:had] = old_mean, old_log_variance
        out[f"to_moments.{end}"] = fresh
    heard = torch.zeros_like(wide["from_latent.weight"])
    heard[:, :had] = narrow["from_latent.weight"]
    out["from_latent.weight"] = heard
    for name in ("latent_mean", "latent_std"):
        out[name] = torch.cat([narrow[name], wide[name][had:]])
    return out


def widened_denoiser(narrow: State, wide: State) -> dict[str, torch.Tensor]:
    """The narrow denoiser's weights in the shapes of ``wide``. Its input is latents, curves, the
    draft's latents and the draft's flag; new latents are not seen, and come out as zero."""
    had, have = narrow["project_out.weight"].shape[0], wide["project_out.weight"].shape[0]
    out = {k: v for k, v in narrow.items() if k not in wide or v.shape == wide[k].shape}
    held = narrow["embed.weight"]
    curves = held.shape[1] - 2 * had - 1
    seen = torch.zeros_like(wide["embed.weight"])
    seen[:, :had] = held[:, :had]
    seen[:, have : have + curves + had] = held[:, had : had + curves + had]
    seen[:, -1] = held[:, -1]
    out["embed.weight"] = seen
    for end in ("weight", "bias"):
        made = torch.zeros_like(wide[f"project_out.{end}"])
        made[:had] = narrow[f"project_out.{end}"]
        out[f"project_out.{end}"] = made
    return out


def widened(model: torch.nn.Module, narrow: State) -> dict[str, torch.Tensor]:
    """``narrow`` as it is, or in the shapes of a ``model`` that has more latent channels."""
    wide = model.state_dict()
    for kind, name, grow in (
        (MelCodec, "latent_mean", widened_codec),
        (MiniDenoiser, "project_out.bias", widened_denoiser),
    ):
        if isinstance(model, kind) and narrow[name].shape[0] < wide[name].shape[0]:
            return grow(narrow, wide)
    return dict(narrow)
