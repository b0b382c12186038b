"""What a window is kept by: a hash over everything that its sound depends on."""

from __future__ import annotations

import struct
from dataclasses import fields, is_dataclass
from hashlib import sha256
from typing import Any

import numpy as np

from vtacli.model.contract import Sampling, WindowContent
from vtacli.window_cache.edition import EDITION


def key_of(content: WindowContent, sampling: Sampling, model: str, runs_on: str) -> str:
    """64 hexadecimal digits. ``model``: the hash of its files. ``runs_on``: the device, its
    precision and the library that computes there, in words.

    Every field of both values counts, whatever it is called, at any depth: a field that is added
    later is never forgotten. Raises TypeError for a value of a kind that is not known.
    """
    return digest_of("window", EDITION, model, runs_on, sampling, content)


def digest_of(*values: Any) -> str:
    """SHA-256 of values, such that two that differ (in type, shape or order too) never share what
    is hashed. Takes None, bool, int, float, str, bytes, arrays, tuples, lists, dicts and
    dataclasses."""
    digest = sha256()
    _feed(digest, values)
    return digest.hexdigest()


def _feed(digest: Any, value: Any) -> None:
    """A tag, a length where there can be several, and the bytes."""
    if value is None or isinstance(value, (bool, np.bool_)):
        digest.update({None: b"N", True: b"T", False: b"F"}[None if value is None else bool(value)])
    elif isinstance(value, (int, np.integer)):
        _bytes(digest, b"i", str(int(value)).encode())
    elif isinstance(value, (float, np.floating)):
        digest.update(b"f" + struct.pack("<d", float(value)))
    elif isinstance(value, str):
        _bytes(digest, b"s", value.encode("utf-8", "surrogatepass"))
    elif isinstance(value, bytes):
        _bytes(digest, b"b", value)
    elif isinstance(value, np.ndarray):
        if value.dtype.hasobject:
            raise TypeError("an array of objects has no bytes to hash")
        _bytes(digest, b"a", f"{value.dtype.str} {value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif isinstance(value, (tuple, list)):
        digest.update(b"(" + struct.pack("<q", len(value)))
        for item in value:
            _feed(digest, item)
    elif isinstance(value, dict):
        _feed(digest, sorted(value.items()))
    elif is_dataclass(value) and not isinstance(value, type):
        _bytes(digest, b"d", type(value).__name__.encode())
        for f in fields(value):
            _feed(digest, (f.name, getattr(value, f.name)))
    else:
        raise TypeError(f"{type(value).__name__} cannot be part of a key")


def _bytes(digest: Any, tag: bytes, data: bytes) -> None:
    digest.update(tag + struct.pack("<q", len(data)))
    digest.update(data)
