"""``vta models pull``: bring a model here."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.shell import Shell

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vtacli.store.catalog import Entry
    from vtacli.store.pull import Pulled


def catalog_names(incomplete: str) -> list[str]:
    """Shell completion of the catalog's names; a broken catalog completes nothing."""
    from vtacli.errors import VtaError
    from vtacli.store.catalog import catalog_paths, read_catalog

    try:
        return [n for n in read_catalog(catalog_paths()) if n.startswith(incomplete)]
    except VtaError:
        return []


Catalogs = Annotated[
    list[Path] | None,
    typer.Option("--catalog", metavar="FILE", help="A catalog of your own, beside ours."),
]


def pull_command(
    context: typer.Context,
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="A model of the catalog.",
            show_default=False,
            autocompletion=catalog_names,
        ),
    ],
    accept_licence: Annotated[
        bool,
        typer.Option(
            "--accept-licence", help="Agree to a licence that forbids commercial use. Asked once."
        ),
    ] = False,
    weights_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to; else VTA_WEIGHTS, else the user's cache."),
    ] = None,
    catalog: Catalogs = None,
    mirror: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            envvar="VTA_MIRROR",
            show_envvar=True,
            help="Fetch from URL/NAME/FILE instead: https, or file:///media/stick. "
            "For a mirror of the hub set HF_ENDPOINT.",
        ),
    ] = None,
    allow_http: Annotated[
        bool, typer.Option("--allow-http", help="Plain HTTP to other machines too.")
    ] = False,
    timeout: Annotated[
        float, typer.Option(metavar="S", help="Seconds without a byte that end a try.")
    ] = 30.0,
    tries: Annotated[
        int, typer.Option(metavar="N", help="Tries in a row that may come to nothing.")
    ] = 5,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> None:
    """Fetch a model: resumed where it broke off, checked while it comes, whole or not at all.

    [dim]vta models pull vta-ldm-clip4clip-v-large --accept-licence[/dim]

    [dim]HF_ENDPOINT=https://hub.studio.example vta models pull NAME[/dim]

    [dim]vta models pull NAME --catalog studio.toml --weights-dir /srv/models[/dim]
    """
    from vtacli.errors import ConfigError
    from vtacli.store.catalog import catalog_paths, entry_of, read_catalog
    from vtacli.store.pull import pull
    from vtacli.store.transfer import Patience

    shell: Shell = context.obj
    console = shell.talk(progress=progress, quiet=quiet, verbose=verbose)
    if not 0 < timeout < 86_400 or tries < 1:
        raise ConfigError("--timeout is a number of seconds, and --tries is at least 1.")
    entry = entry_of(name, read_catalog(catalog_paths(catalog or ())))
    with console:
        pulled = pull(
            entry,
            weights_dir=weights_dir,
            accept_licence=accept_licence,
            allow_http=allow_http,
            mirror=mirror,
            report=shell.report,
            patience=Patience(stall_s=timeout, tries=tries),
        )
    answer = {**pulled.to_dict(), "licence": entry.licence, "commercial": entry.commercial}
    console.answer(_pulled_text(pulled, entry), answer if as_json else None)


def _pulled_text(pulled: Pulled, entry: Entry) -> RenderableType:
    from vtacli.cli.render import pairs
    from vtacli.errors import printable

    state = "was here already" if pulled.already else f"{pulled.transferred / 1e6:.1f} MB fetched"
    use = "commercial use allowed" if entry.commercial else "no commercial use"
    rows = [
        ("model", pulled.name),
        ("folder", printable(pulled.folder)),
        ("state", state),
        ("licence", f"{entry.licence}: {use}"),
    ]
    if pulled.pinned:
        rows.append(("pinned now", ", ".join(pulled.pinned)))
    return pairs(rows)
