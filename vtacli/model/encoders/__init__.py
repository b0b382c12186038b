"""Video encoders behind one contract.

An encoder is a frozen network from frames to :class:`~vtacli.model.encoders.features.Features`.
Its facts are in :mod:`vtacli.model.encoders.spec`; what joins its tokens, and the one projection
that is learned, are :class:`vtacli.model.assembled.Assembled`'s affair. Importing this package
imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vtacli.model.encoders.spec import spec_of

if TYPE_CHECKING:
    from vtacli.model.encoders.base import FrozenEncoder

ENCODERS: dict[str, str] = {
    "clip4clip": "vtacli.model.encoders.clip_frames:ClipFrames",
    "imagebind": "vtacli.model.encoders.imagebind:ImageBind",
    "languagebind": "vtacli.model.encoders.languagebind:LanguageBind",
    "vjepa": "vtacli.model.encoders.vjepa:VJepa",
    "vjepa2": "vtacli.model.encoders.vjepa2:VJepa2",
    "vivit": "vtacli.model.encoders.vivit:Vivit",
    "cavp": "vtacli.model.encoders.cavp:Cavp",
    "mini": "vtacli.model.encoders.mini:MiniPicture",
}
"""Where each encoder's class is."""

__all__ = ["ENCODERS", "encoder_class", "open_encoder", "spec_of"]


def encoder_class(name: str) -> type[FrozenEncoder]:
    """The class of an encoder. Raises :class:`ConfigError` for an unknown name."""
    module, _, found = ENCODERS[spec_of(name).name].partition(":")
    kind: type[FrozenEncoder] = getattr(import_module(module), found)
    return kind


def open_encoder(name: str, source: Path | Mapping[str, Any] | None = None) -> FrozenEncoder:
    """An encoder from its folder; or with random weights, at the size that ``source`` says, or at
    its published size where it is None.

    Raises :class:`ConfigError` for an unknown name, :class:`WeightsMissing` and
    :class:`WeightsRefused` for a folder that does not hold it.
    """
    kind = encoder_class(name)
    if isinstance(source, Path):
        return kind.from_pretrained(source)
    from vtacli.model.encoders.base import made_with

    return made_with(kind, source or {})
