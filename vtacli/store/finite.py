"""Whether every number of a safetensors file is one: no NaN, no infinity.

Read in blocks, by the bits of the exponent alone, so that memory does not grow with the file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vtacli.model.headers import ITEM_BYTES, Header
from vtacli.progress import Report, Step, ignore

_EXPONENT: dict[str, tuple[np.dtype[Any], int]] = {
    "F16": (np.dtype("<u2"), 0x7C00),
    "BF16": (np.dtype("<u2"), 0x7F80),
    "F32": (np.dtype("<u4"), 0x7F800000),
    "F64": (np.dtype("<u8"), 0x7FF0000000000000),
}
"""IEEE 754: a number whose exponent is all ones is infinite or none."""
_BLOCK = 8 << 20


def not_finite(
    path: Path, header: Header, report: Report = ignore, done: int = 0, total: int | None = None
) -> list[str]:
    """Names of the tensors with NaN or infinity in them, of a file with this checked header.

    ``done`` of ``total`` bytes were read before it, for the progress. Raises OSError.
    """
    found: list[str] = []
    with path.open("rb") as file:
        start = 8 + int.from_bytes(file.read(8), "little")
        for name, held in sorted(header.tensors.items(), key=lambda item: item[1].start):
            if held.dtype not in _EXPONENT:
                continue
            kind, ones = _EXPONENT[held.dtype]
            file.seek(start + held.start)
            left = held.end - held.start
            while left:
                block = file.read(min(left, _BLOCK - _BLOCK % ITEM_BYTES[held.dtype]))
                if not block:
                    break  # cut off meanwhile: the next look at its header says so
                left -= len(block)
                report(Step("read numbers", done + held.end - left, total, path.name))
                bits = np.frombuffer(block[: len(block) - len(block) % kind.itemsize], kind)
                if bool(((bits & ones) == ones).any()):
                    found.append(name)
                    break
    return found
