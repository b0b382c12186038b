"""``vta --help``: every command in one line, by what it is for, on one screen.

A command says where it belongs by its ``rich_help_panel`` and what it does by its ``short_help``,
a few words; its own ``--help`` is as long as it has to be.
"""

from __future__ import annotations

from collections.abc import Iterator

import typer
from typer._click import Context, HelpFormatter
from typer.core import TyperGroup

MAKE, CHOOSE, MANY = "Make", "Choose and redo", "Many films"
LOOK, CHECK, MODELS = "Look", "Check", "Models, training"
GROUPS = (MAKE, CHOOSE, MANY, LOOK, CHECK, MODELS)
OTHER = "Other"

EXAMPLE = "Example:  vta generate street.mp4 --prompt 'rain on a tin roof'"
OPTIONS = "Options:  -h, --help (also after a command), --version, --install-completion"


class Root(TyperGroup):
    """The program itself: a group of commands whose help is a table."""

    def format_help(self, ctx: Context, formatter: HelpFormatter) -> None:
        """Write the table. Nothing is imported for it."""
        lines = [
            f"Usage: {ctx.command_path} COMMAND ... [--help]",
            "",
            (self.help or "").strip().splitlines()[0],
            "",
            *self._table(ctx),
            OPTIONS,
            EXAMPLE,
        ]
        formatter.write("\n".join(lines))

    def _table(self, ctx: Context) -> Iterator[str]:
        by_group: dict[str, list[tuple[str, str]]] = {name: [] for name in (*GROUPS, OTHER)}
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is None or command.hidden:
                continue
            panel = getattr(command, "rich_help_panel", None)
            group = panel if isinstance(panel, str) and panel in GROUPS else OTHER
            by_group[group].append((name, command.get_short_help_str(limit=64)))
        wide = max(len(name) for rows in by_group.values() for name, _ in rows)
        column = max(len(name) for name in by_group) + 2
        for group, rows in by_group.items():
            for number, (name, words) in enumerate(rows):
                head = f"{'' if number else group:<{column}}"
                head = head if number else typer.style(head, bold=True)
                yield f"{head}{typer.style(f'{name:<{wide}}', fg='cyan')}  {words}"
            if rows:
                yield ""
