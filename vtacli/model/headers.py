"""What a safetensors file says it holds, believed only after it was checked.

The format: eight bytes of header length (little-endian), a JSON header, then the tensors' bytes
end to end. Everything here is decided from the header and the file's size: no tensor is read, so
a file that lies about its shapes costs no memory. See the format's description at
https://github.com/huggingface/safetensors.
"""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

from vtacli.errors import WeightsMissing, WeightsRefused

ITEM_BYTES = {
    "F64": 8,
    "F32": 4,
    "F16": 2,
    "BF16": 2,
    "I64": 8,
    "I32": 4,
    "I16": 2,
    "I8": 1,
    "U8": 1,
    "BOOL": 1,
}
"""The number formats that weights may have, and their sizes."""

LONGEST_HEADER_BYTES = 2 << 20
"""Parsed JSON can take thirty times its length in memory, so a header is kept far below the 100 MB
that the format allows. A thousand tensors need 0.1 MB."""
MOST_TENSORS = 20_000
MOST_DIMENSIONS = 8
LARGEST_DIMENSION = 1 << 40
LONGEST_NAME = 512
METADATA = "__metadata__"


@dataclass(frozen=True)
class Held:
    """One tensor: its number format, its shape, and where its bytes lie in the file."""

    dtype: str
    shape: tuple[int, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Header:
    """The tensors by name, in the file's own order of names, and the metadata."""

    tensors: dict[str, Held]
    metadata: dict[str, str]


def read_header(path: Path) -> Header:
    """The header of a safetensors file, every part of it held against the file's size.

    Tensors lie end to end from the header's end to the file's end: no hole, no overlap, nothing
    behind. Raises :class:`WeightsMissing` where there is no file and :class:`WeightsRefused` with
    the reason where it is not what it should be. Memory stays below 100 MB whatever it says.
    """
    try:
        return _read(path)
    except FileNotFoundError:
        raise WeightsMissing("the weights are absent.", path=path) from None
    except OSError as error:
        raise WeightsRefused(f"cannot be read: {error.strerror}.", path=path) from error
    except _Bad as error:
        raise WeightsRefused(
            f"damaged or not safetensors: {error}.",
            path=path,
            hint="Fetch or import the model again.",
        ) from None


def check_headers(folder: Path) -> None:
    """Read the header of every safetensors file beneath a folder. Raises as read_header does."""
    for path in sorted(folder.rglob("*.safetensors")):
        read_header(path)


class _Bad(Exception):
    """What is wrong, in a few words."""


def _read(path: Path) -> Header:
    # a FIFO or a device would keep whoever opens it waiting
    if not stat.S_ISREG(path.stat().st_mode):
        raise _Bad("not a regular file")
    with path.open("rb") as file:
        size = path.stat().st_size
        first = file.read(8)
        if len(first) < 8:
            raise _Bad(f"it has {size} bytes")
        length = int.from_bytes(first, "little")
        if length > size - 8:
            raise _Bad(f"its header would be {length} bytes long, the file is {size}")
        if length > LONGEST_HEADER_BYTES:
            raise _Bad(f"its header is {length} bytes long, above {LONGEST_HEADER_BYTES}")
        raw = file.read(length)
    if len(raw) < length:
        raise _Bad("its header is cut off")
    found = _object(raw)
    metadata = _metadata(found.pop(METADATA, {}))
    if len(found) > MOST_TENSORS:
        raise _Bad(f"it has {len(found)} tensors, above {MOST_TENSORS}")
    tensors = {name: _tensor(name, said) for name, said in found.items()}
    _end_to_end(tensors, size - 8 - length)
    return Header(tensors, metadata)


def _object(raw: bytes) -> dict[str, Any]:
    if not raw.startswith(b"{"):
        raise _Bad("its header is not a JSON object")
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _Bad("its header is not JSON") from error
    return dict(found)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _Bad("a name is there twice")
    return found


def _no_constant(name: str) -> Any:
    raise _Bad(f"{name} is no number")


def _metadata(said: Any) -> dict[str, str]:
    if not isinstance(said, dict) or not all(isinstance(v, str) for v in said.values()):
        raise _Bad("its metadata is not text")
    return said


def _tensor(name: str, said: Any) -> Held:
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise _Bad("a tensor has no proper name")
    if not isinstance(said, dict) or set(said) != {"dtype", "shape", "data_offsets"}:
        raise _Bad(f"{name} is not described by dtype, shape and data_offsets")
    dtype, shape, offsets = said["dtype"], said["shape"], said["data_offsets"]
    if not isinstance(dtype, str) or dtype not in ITEM_BYTES:
        raise _Bad(f"{name} has the number format {str(dtype)[:20]!r}")
    if not _whole_numbers(shape) or len(shape) > MOST_DIMENSIONS:
        raise _Bad(f"{name} has no proper shape")
    if not _whole_numbers(offsets) or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise _Bad(f"{name} has no proper place")
    needed = prod(shape) * ITEM_BYTES[dtype]
    if offsets[1] - offsets[0] != needed:
        raise _Bad(f"{name} needs {needed} bytes and has {offsets[1] - offsets[0]}")
    return Held(dtype, tuple(shape), offsets[0], offsets[1])


def _whole_numbers(said: Any) -> bool:
    # True and False are numbers to Python, not to the format
    return isinstance(said, list) and all(
        type(n) is int and 0 <= n <= LARGEST_DIMENSION for n in said
    )


def _end_to_end(tensors: dict[str, Held], size: int) -> None:
    at = 0
    for name, held in _in_place(tensors.items()):
        if held.start != at:
            kind = "a hole before" if held.start > at else "an overlap at"
            raise _Bad(f"{kind} {name}")
        at = held.end
    if at != size:
        raise _Bad(f"its tensors end at {at} of {size} bytes")


def _in_place(items: Iterable[tuple[str, Held]]) -> Iterator[tuple[str, Held]]:
    yield from sorted(items, key=lambda item: (item[1].start, item[1].end))
