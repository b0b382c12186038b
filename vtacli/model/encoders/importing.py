"""An encoder's published file to a folder that :func:`open_encoder` opens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from vtacli.model.checkpoint import made_whole
from vtacli.model.encoders import encoder_class
from vtacli.model.encoders.spec import EncoderSpec


def import_encoder(name: str, file: Path, out: Path, **settings: Any) -> EncoderSpec:
    """Read the file that the encoder's makers publish and write the new folder ``out``.

    ``settings``: see :meth:`FrozenEncoder.from_upstream`. What comes of it is under the licence
    that the answer names. Raises :class:`ConfigError` for an unknown name,
    :class:`WeightsMissing`, :class:`WeightsRefused`, :class:`OutputError` where ``out`` exists and
    :class:`StorageError` where it cannot be written.
    """
    encoder = encoder_class(name).from_upstream(file, **settings)
    with made_whole(out) as building:
        encoder.save_pretrained(building)
    return encoder.spec
