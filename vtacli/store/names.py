"""Names of models: what a folder may be called on any system, and on any shelf."""

from __future__ import annotations

import re

from vtacli.errors import ConfigError, printable

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def proper_name(name: str) -> str:
    """The name itself. Raises ConfigError for one that could leave the shelf or hide on it."""
    if not _NAME.fullmatch(name) or name.endswith((".part", ".gone")):
        raise ConfigError(
            f"{printable(name)!r} is no name for a model.",
            hint="Letters and digits, then also . _ and -, up to 100 of them.",
        )
    return name
