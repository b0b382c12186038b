"""What a recording is; the same for training and for a reference of the user's own."""

from __future__ import annotations

from vtacli.signal.nature import Nature, nature_of

__all__ = ["Nature", "nature_of"]
