"""What the networks of vta-mini are to diffusers: its models, which open without all of it."""

from __future__ import annotations

import sys
from itertools import chain
from typing import Any

import torch
from diffusers.models.modeling_utils import ModelMixin
from torch import nn

HOOKS = "diffusers.hooks"
"""Importing it takes a second, most of it torch's compiler. ``ModelMixin`` does so to ask whether a
model is offloaded in groups, which none is before that module is there."""


class MiniModule(ModelMixin):  # type: ignore[misc]
    """``ModelMixin``, but that asking for its device and moving it import nothing.

    diffusers opens a class only where its module has ``ModelMixin`` under that name: import both.
    """

    @property
    def device(self) -> torch.device:
        """Where the first of its tensors is, or where it will run if it is offloaded."""
        place: torch.device
        if HOOKS in sys.modules:
            place = super().device
        else:
            place = next(chain(self.parameters(), self.buffers())).device
        return place

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """As torch's, and diffusers' where a model may be offloaded."""
        if HOOKS in sys.modules:
            return super().to(*args, **kwargs)
        return nn.Module.to(self, *args, **kwargs)
