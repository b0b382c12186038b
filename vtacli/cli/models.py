"""``vta models``: which models there are, and everything that is done with them as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.models_pull import Catalogs, pull_command
from vtacli.cli.shell import Shell

if TYPE_CHECKING:
    from vtacli.cli.console import Console

LOOK, BRING, KEEP = "Look", "Bring here", "Keep in order"

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    help="Models: which there are, where they lie, and whether they are whole. Only `pull` ever "
    "opens a connection.",
    epilog="Example:  vta models list",
)


def _names(incomplete: str) -> list[str]:
    from vtacli.store.inventory import names_known

    return names_known(incomplete)


Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="A model.", show_default=False, autocompletion=_names),
]
Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="[NAME]...", help="Models. None: all.", autocompletion=_names),
]
Source = Annotated[
    Path,
    typer.Argument(metavar="DIR|FILE", help="A folder, or a .tar or .zip.", show_default=False),
]
Target = Annotated[
    Path,
    typer.Argument(metavar="DIR|FILE.tar", help="Where to.", show_default=False),
]


def _talk(context: typer.Context, quiet: bool = False, progress: str = "rich") -> Console:
    shell: Shell = context.obj
    return shell.talk(progress=progress, quiet=quiet, verbose=False)


@app.command("list", rich_help_panel=LOOK)
def list_models(
    context: typer.Context,
    here: Annotated[
        bool, typer.Option("--installed", help="Only what is on this machine.")
    ] = False,
    weights_dir: flags.WeightsDir = None,
    catalog: Catalogs = None,
    as_json: flags.Json = False,
) -> None:
    """Every model that is here or could be: size, licence, what it takes; * marks the default.

    [dim]vta models list[/dim]

    [dim]vta models list --installed --json[/dim]
    """
    from vtacli.cli.model_text import list_text
    from vtacli.store.inventory import AVAILABLE, inventory

    rows = inventory(weights_dir, catalog or ())
    if here:
        rows = [row for row in rows if row["state"] != AVAILABLE]
    _talk(context).answer(list_text(rows), {"models": rows} if as_json else None)


@app.command("show", rich_help_panel=LOOK, no_args_is_help=True)
def show(
    context: typer.Context,
    name: Name,
    card: Annotated[bool, typer.Option("--card", help="The whole card.")] = False,
    licence: Annotated[bool, typer.Option("--licence", help="The licence's own words.")] = False,
    weights_dir: flags.WeightsDir = None,
    catalog: Catalogs = None,
    as_json: flags.Json = False,
) -> None:
    """One model: what it takes, its licence and what that asks, its files and their hashes.

    [dim]vta models show vta-mini[/dim]

    [dim]vta models show vta-mini --card | less[/dim]
    """
    from vtacli.cli.model_text import licence_text, show_text
    from vtacli.errors import WeightsMissing
    from vtacli.store.inventory import card_text, details
    from vtacli.store.terms import terms_of

    found = details(name, weights_dir, catalog or ())
    terms = terms_of(found["licence"] or "")
    found["licences"] = [
        {"licence": t.licence, "asks": t.asks, "address": t.address, "text": t.text} for t in terms
    ]
    words = card_text(found["card"])
    if card and words is None:
        raise WeightsMissing(
            f"The card of {name} is not on this machine.",
            hint=f"See {found['card'] or 'its source'}.",
        )
    found["card_text"] = words
    text = words if card and words else licence_text(terms) if licence else show_text(found, terms)
    _talk(context).answer(text, found if as_json else None)


@app.command("path", rich_help_panel=LOOK)
def path(
    context: typer.Context,
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A model.", autocompletion=_names),
    ] = None,
    weights_dir: flags.WeightsDir = None,
    as_json: flags.Json = False,
) -> None:
    """Where a model lies; without a name, where models are looked for, in order.

    [dim]vta models path vta-mini[/dim]
    """
    from vtacli.errors import printable
    from vtacli.shelves import find_model, shelves

    if name is not None:
        folder = find_model(name, weights_dir)
        answer = {"name": folder.name, "folder": str(folder)}
        _talk(context).answer(printable(folder), answer if as_json else None)
        return
    places = shelves(weights_dir)
    _talk(context).answer(
        "\n".join(printable(p) for p in places),
        {"shelves": [str(p) for p in places]} if as_json else None,
    )


@app.command("du", rich_help_panel=LOOK)
def du(
    context: typer.Context, weights_dir: flags.WeightsDir = None, as_json: flags.Json = False
) -> None:
    """What each model takes on the disk, and what broken-off work left.

    [dim]vta models du[/dim]
    """
    from vtacli.cli.model_text import usage_text
    from vtacli.store.shelf import leftovers, shelved

    rows = [model.to_dict() for model in shelved(weights_dir).values()]
    left = leftovers(weights_dir)
    answer = {
        "models": [{key: row[key] for key in ("name", "folder", "size")} for row in rows],
        "leftovers": [{"path": str(p), "size": size} for p, size in left.items()],
        "total": sum(row["size"] for row in rows) + sum(left.values()),
    }
    _talk(context).answer(usage_text(rows, left), answer if as_json else None)


app.command("pull", rich_help_panel=BRING, no_args_is_help=True)(pull_command)


@app.command("import", rich_help_panel=BRING, no_args_is_help=True)
def import_(
    context: typer.Context,
    source: Source,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="If left out: the folder's or file's own.")
    ] = None,
    variant: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Of published files; if left out, their summary's."),
    ] = None,
    summary: Annotated[
        str | None, typer.Option(metavar="FILE", help="Published files: which summary counts.")
    ] = None,
    weights_dir: flags.WeightsDir = None,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
) -> None:
    """Take local files as a model: published ones, a diffusers folder, or what export made.

    They are read in a process of its own, with limits of memory and time, and nothing in them is
    run. The settings that published files name but lack come with vta.

    [dim]vta models import downloads/vta-ldm --name vta-ldm[/dim]

    [dim]vta models import /media/stick/vta-ldm.tar[/dim]
    """
    from vtacli.cli.render import pairs
    from vtacli.errors import printable
    from vtacli.progress import Note
    from vtacli.store.importing import import_model
    from vtacli.store.place import store_to_write
    from vtacli.store.shelf import folder_of

    shell: Shell = context.obj
    console = _talk(context, quiet, progress)
    with console:
        made = import_model(
            source,
            store_to_write(weights_dir),
            name=name,
            summary=summary,
            variant=variant,
            report=shell.report,
        )
    first = folder_of(made.name, weights_dir)
    if first.resolve() != made.folder.resolve():
        shell.report(Note(f"The model of that name in {first.parent} is found first.", "warning"))
    where = f" --weights-dir {printable(weights_dir)}" if weights_dir else ""
    rows = [
        ("model", f"{made.name} ({made.variant})"),
        ("folder", printable(made.folder)),
        ("licence", made.licence),
        ("use it", f"vta generate IN --model {made.name}{where}"),
    ]
    console.answer(pairs(rows), made.to_dict() if as_json else None)


@app.command("verify", rich_help_panel=KEEP)
def verify(
    context: typer.Context,
    names: Names = None,
    weights_dir: flags.WeightsDir = None,
    catalog: Catalogs = None,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
) -> None:
    """Read every byte: hashes, headers, shapes, and that all numbers are finite.

    Exit code 10: something is not as it should be.

    [dim]vta models verify[/dim]

    [dim]vta models verify vta-mini --json[/dim]
    """
    from vtacli.cli.model_text import verified_text
    from vtacli.errors import CheckFailed
    from vtacli.store import verify as store_verify
    from vtacli.store.inventory import expected_of
    from vtacli.store.shelf import folder_of, is_shipped, shelved

    shell: Shell = context.obj
    console = _talk(context, quiet, progress)
    folders = [folder_of(name, weights_dir) for name in names or shelved(weights_dir)]
    with console:
        checked = [
            store_verify.verify(
                folder, expected=expected_of(folder, catalog or ()), report=shell.report
            )
            for folder in folders
        ]
    bad = [model for model in checked if not model.ok]
    answer = {"ok": not bad, "models": [model.to_dict() for model in checked]}
    console.answer(verified_text(checked), answer if as_json else None)
    if bad:
        first = bad[0]
        again = (
            "Install vta again."
            if is_shipped(first.folder)
            else f"`vta models rm {first.name}`, then pull or import it again."
        )
        raise CheckFailed(
            f"Not what they should be: {', '.join(model.name for model in bad)}.", hint=again
        )


@app.command("default", rich_help_panel=KEEP)
def default(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A model.", autocompletion=_names)
    ] = None,
    reset: Annotated[bool, typer.Option("--reset", help="The one that ships, again.")] = False,
    weights_dir: flags.WeightsDir = None,
    as_json: flags.Json = False,
) -> None:
    """The model that is used where none is named: show it, or choose another.

    [dim]vta models default vta-ldm[/dim]
    """
    from vtacli.errors import ConfigError
    from vtacli.shelves import find_model, is_path
    from vtacli.store.default import default_model, set_default, settings_file

    if name is not None and reset:
        raise ConfigError("Either a name or --reset.")
    if name is not None:
        folder = find_model(name, weights_dir)
        set_default(str(folder) if is_path(name) else name)
    elif reset:
        set_default(None)
    chosen = default_model()
    answer = {"default": chosen, "settings": str(settings_file())}
    _talk(context).answer(chosen, answer if as_json else None)


@app.command("rm", rich_help_panel=KEEP, no_args_is_help=True)
def rm(
    context: typer.Context,
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="NAME...", help="Models.", show_default=False, autocompletion=_names
        ),
    ],
    weights_dir: flags.WeightsDir = None,
    as_json: flags.Json = False,
) -> None:
    """Delete models from this machine. What came with vta stays.

    [dim]vta models rm vta-ldm[/dim]
    """
    from vtacli.cli.model_text import size_text
    from vtacli.errors import printable
    from vtacli.store.shelf import remove

    gone = [(name, *remove(name, weights_dir)) for name in names]
    lines = [f"{printable(folder)} is gone, {size_text(freed)} free" for _, folder, freed in gone]
    answer = {"removed": [{"name": n, "folder": str(f), "freed": freed} for n, f, freed in gone]}
    _talk(context).answer("\n".join(lines), answer if as_json else None)


@app.command("prune", rich_help_panel=KEEP)
def prune(
    context: typer.Context,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what it would be.")] = False,
    weights_dir: flags.WeightsDir = None,
    as_json: flags.Json = False,
) -> None:
    """Delete what broken-off pulls, imports and removals left; models stay.

    [dim]vta models prune --dry-run[/dim]
    """
    from vtacli.cli.model_text import size_text
    from vtacli.errors import printable
    from vtacli.store import shelf

    found = shelf.leftovers(weights_dir)
    freed = 0 if dry_run else shelf.prune(found)
    answer = {
        "leftovers": [{"path": str(p), "size": size} for p, size in found.items()],
        "freed": freed,
        "dry_run": dry_run,
    }
    lines = [f"{size_text(size):>9}  {printable(p)}" for p, size in found.items()]
    lines.append(f"{size_text(freed)} free now" if found else "Nothing is left over.")
    _talk(context).answer("\n".join(lines), answer if as_json else None)


@app.command("export", rich_help_panel=BRING, no_args_is_help=True)
def export(
    context: typer.Context,
    name: Name,
    target: Target,
    weights_dir: flags.WeightsDir = None,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
) -> None:
    """A model for a machine without a network: a folder or a .tar, with the hashes of its files.

    [dim]vta models export vta-ldm /media/stick/vta-ldm.tar[/dim]
    """
    from vtacli.cli.model_text import size_text
    from vtacli.cli.render import pairs
    from vtacli.errors import printable
    from vtacli.shelves import find_model
    from vtacli.store.exporting import export_model
    from vtacli.store.folders import bytes_in

    shell: Shell = context.obj
    console = _talk(context, quiet, progress)
    folder = find_model(name, weights_dir)
    with console:
        made = export_model(folder, target, shell.report)
    answer = {"name": folder.name, "output": str(made), "size": bytes_in(made)}
    rows = [
        ("output", printable(made)),
        ("size", size_text(bytes_in(made))),
        ("there", f"vta models import {printable(made.name)}"),
    ]
    console.answer(pairs(rows), answer if as_json else None)
