"""The flags that ``vta batch`` and ``vta watch`` share, and the order that they amount to."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vtacli.cli import flags
from vtacli.cli.flags import MACHINE, TALK, among
from vtacli.errors import ConfigError
from vtacli.options import GenerateOptions

if TYPE_CHECKING:
    from vtacli.batch.leading import Order, Start
    from vtacli.cli.shell import Shell

FILMS, RUN, CLUSTER = "Films", "The batch", "Several machines"
ENGINES = ("local", "ray")

Out = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        metavar="DIR",
        help="The folder for the dubbed films, and for the record of what is done.",
        rich_help_panel=FILMS,
        show_default=False,
    ),
]


@dataclass(frozen=True)
class Ways:
    """How a batch goes about its work, as typed."""

    include: tuple[str, ...]
    exclude: tuple[str, ...]
    recursive: bool
    overwrite: bool
    retry: int
    time_limit: float | None
    stall: float
    jobs: int
    threads: int
    copies: int
    report: Path | None
    engine: str
    address: str | None
    insecure_cluster: bool
    weights_dir: Path | None
    cache: bool
    progress: str
    quiet: bool
    verbose: bool
    as_json: bool


def ways(
    include: Annotated[
        list[str] | None,
        typer.Option(
            metavar="GLOB",
            help="Of folders, only files like this: '*.mov', 'reel-0?/*'. Repeatable.",
            rich_help_panel=FILMS,
        ),
    ] = None,
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="But not these. Repeatable.", rich_help_panel=FILMS),
    ] = None,
    recursive: Annotated[
        bool,
        typer.Option(
            "--recursive",
            "-r",
            help="Sub-folders too; they are mirrored in the output.",
            rich_help_panel=FILMS,
        ),
    ] = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite",
            help="Replace files in the output that no batch made.",
            rich_help_panel=FILMS,
        ),
    ] = False,
    retry: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Try a film that fails, or failed before, so many times more.",
            rich_help_panel=RUN,
        ),
    ] = 0,
    time_limit: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            help="Give up a film after so many seconds. If left out: never.",
            rich_help_panel=RUN,
        ),
    ] = None,
    stall: Annotated[
        float,
        typer.Option(
            metavar="S",
            help="Give up a film of which nothing is heard for so many seconds while it does not "
            "wait for the model; 0: never.",
            rich_help_panel=RUN,
        ),
    ] = 1800.0,
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs",
            "-j",
            metavar="N",
            help="Films that are open at once. 0: as suits the machine.",
            rich_help_panel=RUN,
        ),
    ] = 0,
    report: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the result of every film as JSON, also when the batch is stopped.",
            rich_help_panel=TALK,
        ),
    ] = None,
    threads: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Of the processor for each copy of the model. Another number can round sound "
            "otherwise in its last bits.",
            rich_help_panel=MACHINE,
        ),
    ] = 1,
    copies: Annotated[
        int,
        typer.Option(
            metavar="N",
            help="Copies of the model that work side by side. 0: one for each accelerator, or as "
            "cores and memory allow.",
            rich_help_panel=MACHINE,
        ),
    ] = 0,
    engine: Annotated[
        str,
        typer.Option(
            **among(*ENGINES),
            help="Who does the work: this machine, or a Ray cluster (pip install 'vta\\[ray]').",
            rich_help_panel=CLUSTER,
        ),
    ] = "local",
    address: Annotated[
        str | None,
        typer.Option(
            metavar="HOST:PORT|auto",
            help="The cluster. If left out, Ray starts on this machine alone.",
            rich_help_panel=CLUSTER,
        ),
    ] = None,
    insecure_cluster: Annotated[
        bool,
        typer.Option(
            "--insecure-cluster",
            help="Use a cluster on other machines that takes orders from anybody.",
            rich_help_panel=CLUSTER,
        ),
    ] = False,
    weights_dir: flags.WeightsDir = None,
    cache: flags.Cache = True,
    as_json: flags.Json = False,
    progress: flags.Progress = "rich",
    quiet: flags.Quiet = False,
    verbose: flags.Verbose = False,
) -> Ways:
    """The flags as one value. Raises ConfigError."""
    for name, value, least in (("retry", retry, 0), ("jobs", jobs, 0), ("copies", copies, 0)):
        if value < least:
            raise ConfigError(f"--{name} is {least} or more, not {value}.")
    if threads < 1:
        raise ConfigError(f"--threads is 1 or more, not {threads}.")
    if time_limit is not None and not (isfinite(time_limit) and time_limit > 0):
        raise ConfigError(f"--time-limit is more than 0 seconds, not {time_limit}.")
    if not (isfinite(stall) and stall >= 0):
        raise ConfigError(f"--stall is 0 seconds or more, not {stall}.")
    if engine not in ENGINES:
        raise ConfigError(f"The engine is {' or '.join(ENGINES)}, not {engine!r}.")
    if engine == "local" and (address is not None or insecure_cluster):
        raise ConfigError(
            "--address and --insecure-cluster are for a cluster.", hint="Add --engine ray."
        )
    return Ways(
        include=tuple(include or ()),
        exclude=tuple(exclude or ()),
        recursive=recursive,
        overwrite=overwrite,
        retry=retry,
        time_limit=time_limit,
        stall=stall,
        jobs=jobs,
        threads=threads,
        copies=copies,
        report=report,
        engine=engine,
        address=address,
        insecure_cluster=insecure_cluster,
        weights_dir=weights_dir,
        cache=cache,
        progress=progress,
        quiet=quiet,
        verbose=verbose,
        as_json=as_json,
    )


def order_of(
    shell: Shell,
    sources: tuple[Path, ...],
    output: Path,
    options: GenerateOptions,
    way: Ways,
    *,
    fail_fast: bool = False,
    remake: bool = False,
    verify: bool = False,
) -> tuple[Order, Start]:
    """What the flags ask for, and what starts the engine that they name."""
    from vtacli.batch.agenda import Policy
    from vtacli.batch.finding import Choice
    from vtacli.batch.holding import Wanted
    from vtacli.batch.leading import Order, local

    order = Order(
        sources=tuple(path.absolute() for path in sources),
        output=output.absolute(),
        options=options,
        wanted=Wanted(
            find=shell.find_model,
            name=options.model,
            device=options.device,
            dtype=options.dtype,
            weights_dir=None if way.weights_dir is None else way.weights_dir.absolute(),
            batch_size=options.batch_size,
            threads=way.threads,
            lanes=way.copies,
        ),
        choice=Choice(way.include, way.exclude, way.recursive),
        policy=Policy(
            retry=way.retry,
            fail_fast=fail_fast,
            overwrite=way.overwrite,
            remake=remake,
            verify=verify,
            limit_s=way.time_limit,
            stall_s=way.stall or None,
        ),
        jobs=way.jobs,
        report_file=way.report,
        shared=way.engine == "ray",
        cache=way.cache,
    )
    if way.engine == "local":
        return order, local
    from vtacli.batch.cluster import on_ray

    return order, on_ray(way.address, insecure=way.insecure_cluster)
