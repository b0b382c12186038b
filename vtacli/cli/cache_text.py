"""The state of the window cache, for a program and for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.text import Text

from vtacli.cli.model_text import size_text
from vtacli.cli.render import counted, pairs
from vtacli.errors import printable

if TYPE_CHECKING:
    from vtacli.window_cache.store import WindowCache


def cache_dict(windows: WindowCache) -> dict[str, Any]:
    """As JSON values. ``rate``: the share of windows that were reused, None before the first."""
    from vtacli.window_cache.runs import read_runs

    kept = list(windows.kept())
    runs = read_runs(windows.folder)
    return {
        "folder": printable(windows.folder),
        "windows": len(kept),
        "bytes": sum(k.size for k in kept),
        "limit_bytes": windows.limit_bytes,
        **asdict(runs),
        "rate": None if runs.rate is None else round(runs.rate, 4),
    }


def cache_text(found: Mapping[str, Any]) -> Text:
    """For ``vta cache``."""
    limit = size_text(found["limit_bytes"]) if found["limit_bytes"] else "nothing: it is off"
    rows = [
        ("folder", found["folder"]),
        ("windows", f"{found['windows']}, {size_text(found['bytes'])}"),
        ("limit", limit),
    ]
    if found["rate"] is not None:
        last = found["last_reused"] + found["last_made"]
        asked = found["reused"] + found["made"]
        rows += [
            ("last run", f"{found['last_reused']} of {counted(last, 'window')} reused"),
            (
                "all runs",
                f"{found['reused']} of {counted(asked, 'window')} reused ({found['rate']:.0%}), in "
                f"{counted(found['runs'], 'run')}",
            ),
        ]
    return pairs(rows)
