"""``vta evaluate --listen`` and ``--answers``: blind tests for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vtacli.cli.console import Console
from vtacli.cli.evaluate_asked import Asked
from vtacli.cli.shell import Shell
from vtacli.errors import ConfigError, printable

if TYPE_CHECKING:
    from rich.console import RenderableType

    from vtacli.evaluation.listening.make import Test
    from vtacli.evaluation.listening.results import Results


def make_test(shell: Shell, asked: Asked, console: Console) -> None:
    """Make a page for people, and the key to it."""
    assert asked.films is not None
    if not asked.generated:
        raise ConfigError(
            "There is nothing to listen to.", hint="Name what was made, once or more: --generated."
        )
    if asked.form not in ("", "json"):
        raise ConfigError("A test has no table yet.", hint="Leave out --markdown and --csv.")

    from vtacli.evaluation.films.run import FilmSettings
    from vtacli.evaluation.listening.make import make_listening_test

    made = make_listening_test(
        asked.films,
        asked.generated,
        asked.output,
        shell.report,
        kind=asked.questions,
        seconds=FilmSettings(seconds=asked.seconds).seconds,
        seed=asked.seed,
    )
    console.answer(test_text(made), made.to_dict() if asked.form == "json" else None)


def read_answers(asked: Asked, console: Console) -> None:
    """Print what people's answers say."""
    from vtacli.evaluation.listening.answers import read_answers as read
    from vtacli.evaluation.listening.answers import read_key
    from vtacli.evaluation.listening.make import KEY
    from vtacli.evaluation.listening.results import results_of
    from vtacli.evaluation.listening.tables import markdown, results_csv

    plan = read_key(asked.output / KEY)
    results = results_of(plan, read(asked.answers, plan), asked.seed)
    if asked.form == "markdown":
        console.answer(markdown(results))
    elif asked.form == "csv":
        console.answer(results_csv(results).rstrip("\n"))
    else:
        console.answer(results_text(results), results.to_dict() if asked.form == "json" else None)


def test_text(made: Test) -> RenderableType:
    """What was made, and what to do with it."""
    from rich.console import Group
    from rich.text import Text

    folder = printable(made.page.parent)
    lines = [
        Text(f"{made.trials} questions on {made.clips} films: {', '.join(made.systems)}"),
        Text(f"{folder} is for the listeners: they open {made.page.name} in it"),
        Text(f"{printable(made.key)} says what is what: keep it to yourself"),
        *(Text(f"left out: {s}", style="yellow") for s in made.left_out),
    ]
    return Group(*lines)


def results_text(results: Results) -> RenderableType:
    """The two tables."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    from vtacli.evaluation.listening.tables import (
        OPINION_COLUMNS,
        PREFERENCE_COLUMNS,
        opinion_rows,
        preference_rows,
    )

    parts: list[RenderableType] = []
    for columns, rows, names in (
        (OPINION_COLUMNS, opinion_rows(results), 2),
        (PREFERENCE_COLUMNS, preference_rows(results), 2),
    ):
        if not rows:
            continue
        table = Table(box=None, pad_edge=False, header_style="bold")
        for number, column in enumerate(columns):
            table.add_column(column, justify="left" if number < names else "right", no_wrap=True)
        for cells in rows:
            table.add_row(*(Text(c) for c in cells))
        parts += [table, Text("")]
    whole = f"{results.answers} of {results.expected} answers by {results.listeners} listeners"
    how = "means: intervals over listeners and films; p: binomial, as if answers were independent"
    return Group(*parts, Text(f"{whole}; {how}", style="dim"))
