"""Byte ranges of a file, as a browser asks for them when somebody seeks in a film."""

from __future__ import annotations

import re

_ONE = re.compile(r"bytes=(\d*)-(\d*)", re.ASCII)


class Unsatisfiable(ValueError):
    """No byte of the file lies in what was asked for."""


def wanted_bytes(asked: str | None, size: int) -> range | None:
    """The bytes of a ``Range`` header (RFC 9110, section 14.1.2), None for the whole file.

    A header that is malformed, or asks for several ranges, may be ignored and is. Raises
    Unsatisfiable where a well-formed range lies outside.
    """
    found = _ONE.fullmatch(asked.strip()) if asked else None
    if found is None or not (found.group(1) or found.group(2)):
        return None
    first, last = found.group(1), found.group(2)
    if not first:
        count = min(int(last), size)
        if not count:
            raise Unsatisfiable
        return range(size - count, size)
    start = int(first)
    stop = min(int(last) + 1, size) if last else size
    if last and int(last) < start:
        return None
    if start >= size:
        raise Unsatisfiable
    return range(start, stop)
