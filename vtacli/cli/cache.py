"""``vta cache``: windows of sound that were made before, and how much of them is kept."""

from __future__ import annotations

from typing import Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.shell import Shell


def cache(
    context: typer.Context,
    clear: Annotated[bool, typer.Option("--clear", help="Delete all that is kept.")] = False,
    limit: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE",
            help="How much may be kept from now on, such as 5GB; 0 for nothing. VTA_CACHE_LIMIT "
            "comes before it.",
        ),
    ] = None,
    as_json: flags.Json = False,
) -> None:
    """Show what is kept of windows that were made before, so that a rerun makes only what changed.

    A window is found again by all that its sound depends on: its pictures and motion, words, hits,
    seed, references, every option, the model's files and the device. What is kept can be deleted
    at any time; only time is lost. Where the limit is reached, what was used longest ago goes.
    VTA_CACHE_DIR names another folder; --no-cache leaves it out of a run.

    [dim]vta cache[/dim]

    [dim]vta cache --limit 5GB[/dim]

    [dim]vta cache --clear[/dim]
    """
    from vtacli.cli.cache_text import cache_dict, cache_text
    from vtacli.cli.render import counted
    from vtacli.progress import Note
    from vtacli.window_cache.place import cache_folder, limit_bytes, set_limit, size_of
    from vtacli.window_cache.store import WindowCache

    shell: Shell = context.obj
    if limit is not None:
        set_limit(size_of(limit))
    allowed = limit_bytes()
    windows = WindowCache(cache_folder(), allowed)
    with shell.talk(progress="rich", quiet=as_json, verbose=False) as console:
        if clear:
            shell.report(Note(f"{counted(windows.clear(), 'window')} deleted."))
        elif deleted := windows.trim(allowed) if limit is not None else 0:
            shell.report(Note(f"{counted(deleted, 'window')} deleted."))
        found = cache_dict(windows)
    console.answer(cache_text(found), found if as_json else None)
