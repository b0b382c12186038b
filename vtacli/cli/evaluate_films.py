"""``vta evaluate FILMS``: the field's measures, and people's answers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vtacli.cli.console import Console
from vtacli.cli.evaluate_asked import Asked
from vtacli.cli.shell import Shell
from vtacli.errors import ConfigError, WeightsMissing, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vtacli.evaluation.films.making import Maker
    from vtacli.evaluation.films.material import Ears
    from vtacli.evaluation.films.pairs import Pair
    from vtacli.evaluation.films.run import FilmScores
    from vtacli.evaluation.films.synchrony import Synchrony

TOLD = ("captions", "hits")
TEXT_MODEL = "vta-mini"
"""In whose text space captions meet tags."""


def films_or_people(
    shell: Shell, *, asked: Asked, progress: str, quiet: bool, verbose: bool
) -> None:
    """Do what was asked, and print it."""
    if asked.seed < 0:
        raise ConfigError(f"--seed must be 0 or more, not {asked.seed}.")
    with shell.talk(progress=progress, quiet=quiet, verbose=verbose) as console:
        if asked.answers:
            from vtacli.cli.evaluate_people import read_answers

            read_answers(asked, console)
        elif asked.listen:
            from vtacli.cli.evaluate_people import make_test

            make_test(shell, asked, console)
        else:
            _films(shell, asked, console)


def _films(shell: Shell, asked: Asked, console: Console) -> None:
    assert asked.films is not None
    if len(asked.generated) > 1:
        raise ConfigError(
            "One folder at a time is measured.", hint="Run it again for the other, with another -o."
        )
    told = [n.strip() for n in asked.tell.split(",")] if asked.tell else []
    for name in told:
        if name not in TOLD:
            raise ConfigError(f"The model is told {' or '.join(TOLD)}, not {name!r}.")
    generated = asked.generated[0] if asked.generated else None
    if told and generated is not None:
        raise ConfigError("What was made already is told nothing.", hint="Leave out --tell.")
    for name, given in (("captions", asked.captions), ("hits", asked.hits)):
        if name in told and given is None:
            raise ConfigError(f"There are no {name} to tell.", hint=f"Name them: --{name}.")

    from vtacli.evaluation.films.pairs import find_pairs

    pairs, left_out = find_pairs(asked.films, generated, asked.hits, asked.captions)

    from vtacli.evaluation.films.figure import figures_csv, markdown
    from vtacli.evaluation.films.run import FilmSettings, evaluate_films

    settings = FilmSettings(
        seconds=asked.seconds,
        tolerance_s=asked.tolerance_s,
        flow_side_px=None if asked.flow_side_px < 0 else asked.flow_side_px,
        seed=asked.seed,
    )
    maker = None if generated is not None else _maker(shell, asked, told)
    synchrony, left_out_figures = _synchrony(asked)
    ears = replace(_ears(asked, pairs), synchrony=synchrony, left_out=left_out_figures)
    scores = evaluate_films(pairs, ears, maker, settings, asked.output, shell.report, left_out)
    if asked.form == "markdown":
        console.answer(markdown(scores.figures))
    elif asked.form == "csv":
        console.answer(figures_csv(scores.figures).rstrip("\n"))
    else:
        answer = {**scores.to_dict(whole=False), "output": str(asked.output)}
        console.answer(films_text(scores, asked.output), answer if asked.form == "json" else None)


def _maker(shell: Shell, asked: Asked, told: list[str]) -> Maker:
    from vtacli.evaluation.films.making import Maker

    handle = shell.find_model(asked.model, device=asked.device, weights_dir=asked.weights_dir)
    maker = Maker(handle, asked.seconds, asked.seed, "captions" in told, "hits" in told)
    maker.check()
    return maker


def _ears(asked: Asked, pairs: tuple[Pair, ...]) -> Ears:
    from vtacli.evaluation.films.binding import FOLDER, Binder
    from vtacli.evaluation.films.material import Ears
    from vtacli.evaluation.films.words import WordSpace
    from vtacli.evaluation.listeners import YamnetListener, open_listener
    from vtacli.media.weights import find_listener, find_tagger
    from vtacli.model.devices import choose_device
    from vtacli.shelves import find_model

    space = find_listener(FOLDER, asked.weights_dir)
    binder = None if space is None else Binder(space, choose_device(asked.device))
    tagger = asked.tagger or find_tagger(Path(), asked.weights_dir)
    folder = (
        tagger if asked.listener == "yamnet" else find_listener(asked.listener, asked.weights_dir)
    )
    listener = open_listener(asked.listener, folder)
    if not any(p.caption for p in pairs):
        return Ears(listener, binder=binder)
    if tagger is None:
        raise WeightsMissing("The sound tagger is not installed.", hint="Name it: --tagger.")
    tags = listener if isinstance(listener, YamnetListener) else YamnetListener(tagger)
    words = WordSpace.of_model(find_model(TEXT_MODEL, asked.weights_dir), tags.names)
    return Ears(listener, tags, words, binder=binder)


def _synchrony(asked: Asked) -> tuple[Synchrony | None, tuple[str, ...]]:
    """Who hears how far sound is off, and a sentence where nobody does."""
    if asked.desync is False:
        return None, ("DeSync is left out: it was not asked for.",)
    from vtacli.evaluation.films.synchrony import FOLDER, LEFT_OUT, WEIGHTS, Synchrony
    from vtacli.media.weights import find_listener

    folder = find_listener(FOLDER, asked.weights_dir)
    if folder is not None:
        return Synchrony(folder, asked.device), ()
    if asked.desync:
        raise WeightsMissing(
            "Synchformer's weights are on no shelf.",
            hint=f"They go into a folder {FOLDER} beside the models: {WEIGHTS}.",
        )
    return None, (LEFT_OUT,)


def films_text(scores: FilmScores, output: Path) -> RenderableType:
    """The table, and where the rest is."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vtacli.evaluation.films.figure import COLUMNS, rows

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, column in enumerate(COLUMNS):
        table.add_column(
            column, justify="right" if 1 <= number <= 5 else "left", no_wrap=number < 6
        )
    for cells in rows(scores.figures):
        table.add_row(*(Text(c) for c in cells))
    lines = [Text("\n↑ more is better, ↓ less is better; chance: sounds of other films, or noise")]
    if scores.about["few"]:
        lines.append(
            Text("few clips: FAD, KID and IS say little, AV-Align decides nothing", style="yellow")
        )
    lines += [Text(f"left out: {s}", style="yellow") for s in scores.left_out]
    lines += [Text(s, style="dim") for s in scores.about["not_measured"]]
    lines.append(Text(f"{printable(output / 'index.html')} shows and plays it"))
    return Group(table, *lines)
