"""Thousands of damaged safetensors files, each read under a limit of memory.

Run as a program: ``python tests/header_mutants.py COUNT FOLDER`` prints what became of them as one
JSON object. The address space may grow by 100 MB and the file's size, no more.
"""

from __future__ import annotations

import json
import random
import resource
import sys
from pathlib import Path
from time import perf_counter

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

from vtacli.errors import VtaError
from vtacli.model.headers import LONGEST_HEADER_BYTES, read_header

NASTY = [
    -1, 0, 1, 2**31, 2**53, 2**63, 2**64, 10**400, 1.5, -0.0, 1e308, True, False, None, "", "x",
    [], [[]], {}, {"": {}}, [0, 0], [2**62, 4], [0, 2**62], [-8, 0], ["0", "8"], "F32", "F99", "é",
]  # fmt: skip


def whole() -> bytes:
    draw = np.random.default_rng(0)
    return save(
        {
            "a.weight": draw.normal(size=(4, 3)).astype(np.float32),
            "a.bias": np.arange(4, dtype=np.float16),
            "table": np.arange(40, dtype=np.int8).reshape(5, 8),
            "empty": np.zeros((0, 2), np.float32),
        },
        {"format": "pt"},
    )


def packed(header: object, data: bytes) -> bytes:
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def mutant(file: bytes, draw: random.Random) -> bytes:
    length = int.from_bytes(file[:8], "little")
    header, data = json.loads(file[8 : 8 + length]), file[8 + length :]
    kind = draw.randrange(9)
    if kind == 0:  # bits
        changed = bytearray(file)
        for _ in range(draw.choice([1, 1, 2, 8, 64])):
            changed[draw.randrange(8 + length)] ^= 1 << draw.randrange(8)
        return bytes(changed)
    if kind == 1:  # cut, or longer
        at = draw.randrange(len(file))
        return file[:at] if draw.random() < 0.7 else file + bytes(draw.randrange(1, 64))
    if kind == 2:  # the header's length
        size = draw.choice([0, 1, 2, 8, length - 1, length + 1, len(file), 2**31, 2**63, 2**64 - 1])
        return size.to_bytes(8, "little") + file[8:]
    if kind == 3:  # bytes out of place
        at, until = sorted(draw.randrange(8, 8 + length) for _ in range(2))
        raw = file[8:at] + file[until : 8 + length]
        return packed(raw, data)
    if kind == 4:  # a name twice
        raw = json.dumps(header)[:-1] + f', "table": {json.dumps(header["a.bias"])}}}'
        return packed(raw.encode(), data)
    name = draw.choice(list(header))
    if kind == 5:
        header[name] = draw.choice(NASTY)
    elif kind == 6 and name != "__metadata__":
        header[name][draw.choice(["dtype", "shape", "data_offsets", "more"])] = draw.choice(NASTY)
    elif kind == 7:  # places and shapes that are nearly right
        for said in header.values():
            if "data_offsets" in said and draw.random() < 0.5:
                said["data_offsets"] = [
                    n + draw.choice([-8, -1, 0, 1, 8]) for n in said["data_offsets"]
                ]
            if "shape" in said and draw.random() < 0.3:
                said["shape"] = [n * draw.choice([0, 1, 2, 2**40]) for n in said["shape"]]
    else:
        header.pop(name)
    return packed(header, data)


def giants(file: bytes) -> list[bytes]:
    """Headers as costly to parse as their length allows."""
    most = LONGEST_HEADER_BYTES - 64
    return [
        packed(b'{"a":' + b"[" * (most // 2) + b"]" * (most // 2) + b"}", b""),
        packed(b'{"a":' + b'{"":' * (most // 8) + b"0" + b"}" * (most // 8) + b"}", b""),
        packed(b'{"a":[' + b'{"":{}},' * (most // 8) + b"0]}", b""),
        packed(b'{"a":[' + b"[0]," * (most // 4) + b"0]}", b""),
        packed(b'{"a":' + b"9" * most + b"}", b""),
        packed(b'{"a":"' + "\U0001f3ac".encode() * (most // 4) + b'"}', b""),
        packed(json.dumps({str(i): {} for i in range(most // 16)}).encode(), b""),
        packed(b'{"__metadata__":{"a":"' + b"x" * most + b'"}}', b""),
        packed(b" " * most, b""),
        (2**40).to_bytes(8, "little") + file[8:],
        packed(b"{" + b" " * (LONGEST_HEADER_BYTES * 2) + b"}", b""),
    ]


def main(count: int, folder: Path) -> dict[str, object]:
    draw, file = random.Random(7), whole()
    corpus = [mutant(file, draw) for _ in range(count)] + giants(file)
    said: dict[str, object] = {"mutants": len(corpus), "accepted": 0, "refused": 0}
    slowest, grown, path = 0.0, 0, folder / "mutant.safetensors"
    read_header_once(folder, file)
    for raw in corpus:
        path.write_bytes(raw)
        limit(len(raw) + 100_000_000)
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, perf_counter()
        try:
            header = read_header(path)
        except VtaError:
            said["refused"] += 1  # type: ignore[operator]
        else:
            # whatever is accepted here, the format's own reader has to accept as well
            with safe_open(path, "np") as opened:
                assert set(opened.keys()) == set(header.tensors), raw
            said["accepted"] += 1  # type: ignore[operator]
        slowest = max(slowest, perf_counter() - began)
        grown = max(grown, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
    return said | {"slowest_s": slowest, "grown_kb": grown}


def read_header_once(folder: Path, file: bytes) -> None:
    """Everything is imported and every cache is filled before memory is limited."""
    path = folder / "whole.safetensors"
    path.write_bytes(file)
    assert len(read_header(path).tensors) == 4
    with safe_open(path, "np") as opened:
        assert len(list(opened.keys())) == 4


def limit(more: int) -> None:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    now = next(int(line.split()[1]) for line in status.splitlines() if "VmSize" in line) * 1024
    resource.setrlimit(resource.RLIMIT_AS, (now + more, resource.RLIM_INFINITY))


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]), Path(sys.argv[2]))))
