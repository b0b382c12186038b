"""Where in a TOML file a key stands, for messages: tomllib keeps no lines."""

from __future__ import annotations

import re

_HEADER = re.compile(r"\s*(\[\[?)\s*([^\]]+?)\s*\]\]?\s*(?:#.*)?$")
_KEY = re.compile(r"\s*(\"[^\"]*\"|'[^']*'|[\w-]+)\s*[.=]")


def line_of(text: str, table: str, key: str | None = None, number: int = 0) -> int | None:
    """The line, from 1, of ``key`` in ``[table]``, or of the table's header without a key.

    ``number``: which one of an array of tables, from 0. None where it is written in a way that
    this does not follow (an inline table, say): a message without a line is still a message.
    """
    wanted = _bare(table)
    seen, header = -1, None
    for index, line in enumerate(text.splitlines(), 1):
        if found := _HEADER.match(line):
            here = _bare(found[2]) == wanted
            seen += here
            if here and seen == number:
                header = index
                if key is None:
                    return header
            elif header is not None:
                return header
        elif header is not None and (found := _KEY.match(line)) and _bare(found[1]) == key:
            return index
    return header


def _bare(name: str) -> str:
    return re.sub(r"[\"'\s]", "", name)
