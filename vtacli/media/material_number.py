"""The material number (UMID) of an MXF file, from what is in the file.

ffmpeg draws it at random, so that no file is made twice, or leaves it empty. Neither will do: here
it is a digest of the file with the empty number, so that equal content has an equal number and
other content another. Source: SMPTE ST 330 (UMID), ST 377-1 (MXF).
"""

from __future__ import annotations

import mmap
from hashlib import sha256
from pathlib import Path

from vtacli.errors import StorageError

LABEL = bytes.fromhex("060a2b340101010501010d0013")
"""What a basic UMID begins with: its universal label, and 0x13, the length of what follows."""
INSTANCE, NUMBER = 3, 15
"""Bytes of the instance number, and of the material number but for its last byte, by which the
packages of one file differ."""


def number_material(path: Path) -> None:
    """Write the number into every place of a finished MXF file in which an empty one stands.

    Raises StorageError where the file cannot be written.
    """
    try:
        with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
            number = sha256(data).digest()[:NUMBER]
            at = data.find(LABEL)
            while at >= 0:
                first = at + len(LABEL) + INSTANCE
                if data[first : first + NUMBER] == bytes(NUMBER):
                    data[first : first + NUMBER] = number
                at = data.find(LABEL, at + len(LABEL))
            data.flush()
    except OSError as error:
        raise StorageError(f"Writing failed: {error.strerror}.", path=path) from error
