"""Writing safetensors one tensor at a time, so that converting weights never holds them all.

The format: eight bytes of header length (little-endian), a JSON header padded with spaces to a
multiple of eight, then the tensors' bytes end to end.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor

DTYPES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def write_safetensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write ``tensors`` to ``path``. Their own dtypes are kept; at most one is copied at a time.

    Raises :class:`KeyError` for a dtype that safetensors has no name for, and :class:`OSError`.
    """
    # Larger items first keep every tensor aligned to its item size.
    names = sorted(tensors, key=lambda name: (-tensors[name].element_size(), name))
    header: dict[str, object] = {"__metadata__": {"format": "pt"}}
    start = 0
    for name in names:
        tensor = tensors[name]
        end = start + tensor.numel() * tensor.element_size()
        header[name] = {
            "dtype": DTYPES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, end],
        }
        start = end
    head = json.dumps(header, separators=(",", ":")).encode()
    head += b" " * (-len(head) % 8)
    with path.open("xb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        for name in names:
            flat = tensors[name].detach().contiguous().flatten()
            flat.view(torch.uint8).numpy().tofile(file)
        file.flush()
        os.fsync(file.fileno())
