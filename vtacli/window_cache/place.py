"""Where windows are kept, and how many: folder and limit, from the environment or as was set."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from vtacli.errors import ConfigError, StorageError

DEFAULT_LIMIT_BYTES = 2_000_000_000
DIR, LIMIT = "VTA_CACHE_DIR", "VTA_CACHE_LIMIT"
_UNITS = {"": 1, "k": 1e3, "m": 1e6, "g": 1e9, "t": 1e12}
_UNITS |= {f"{unit}i": 1024**power for power, unit in enumerate("kmgt", 1)}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?|)b?", re.ASCII | re.IGNORECASE)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """The folder of the windows; it need not exist."""
    named = environ.get(DIR)
    if named:
        return Path(named) / "windows"
    from platformdirs import user_cache_path

    return user_cache_path("vta", appauthor=False) / "windows"


def settings_file() -> Path:
    """Where a limit that was set is kept."""
    from platformdirs import user_config_path

    return user_config_path("vta", appauthor=False) / "cache.json"


def limit_bytes(environ: Mapping[str, str] = os.environ) -> int:
    """How much may be kept; 0: nothing. Raises ConfigError where the environment says no size."""
    said = environ.get(LIMIT)
    if said:
        try:
            return size_of(said)
        except ConfigError as error:
            raise ConfigError(f"{LIMIT}: {error.message}", hint=error.hint) from None
    try:
        kept = json.loads(settings_file().read_text(encoding="utf-8"))["limit_bytes"]
    except (OSError, ValueError, KeyError, TypeError):
        return DEFAULT_LIMIT_BYTES
    return kept if isinstance(kept, int) and kept >= 0 else DEFAULT_LIMIT_BYTES


def set_limit(limit: int) -> None:
    """Keep a limit for every later run. Raises StorageError."""
    from vtacli.store.pins import write_json

    try:
        write_json(settings_file(), {"limit_bytes": limit})
    except OSError as error:
        raise StorageError(
            f"The limit cannot be kept: {error.strerror}.", path=settings_file()
        ) from error


def size_of(text: str) -> int:
    """Bytes from ``2GB``, ``500 MB``, ``1.5GiB``, or ``0`` and ``off``. Raises ConfigError."""
    said = text.strip()
    if said.lower() == "off":
        return 0
    found = _SIZE.fullmatch(said) if len(said) < 30 else None
    if found is None:
        raise ConfigError(f"{text[:30]!r} is no size.", hint="Write 2GB, 500MB, or 0 for none.")
    return int(float(found[1]) * _UNITS[found[2].lower()])
